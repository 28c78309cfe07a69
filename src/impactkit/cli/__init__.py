"""The command line: nine commands and no more, each in a module that is imported when it is used.

Nothing here imports polars or looks for plugins, so that ``impactkit --help`` answers at once.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
from typing import Any, NoReturn

import click

COMMANDS = {
    "demo": "Evaluate a made-up county, to see what you would get.",
    "new": "Start a study or a metric: files to fill in that work as they stand.",
    "check": "Look at a study or a file before anything is estimated.",
    "plan": "Lock the analysis plan before outcomes are read; say what could be detected.",
    "evaluate": "Evaluate a study and write the report.",
    "report": "Render the report of a finished evaluation again.",
    "claim": "Hold a claim such as “three to four times faster” to the data.",
    "match": "Find partners for needs and strengths.",
    "show": "List metrics, plugins, readers, tables or measures, or explain one.",
}
"""The commands, in the order in which an evaluator meets them, with the line that --help shows."""


class LazyGroup(click.Group):
    """A group whose commands are imported one at a time, when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names without importing anything."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; an unknown name gets a suggestion from click."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"impactkit.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Suggest the command that was meant."""
        from impactkit.errors import did_you_mean

        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            ctx.fail(f"There is no command {args[0]!r}. {did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table above, not from the modules."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="impactkit", prog_name="impactkit")
def cli() -> None:
    """Evaluate the impact of school partnerships.

    From the files you have to a report you can defend. Start with `impactkit demo`.
    """


def main() -> None:
    """Run the command line; an evaluator never sees a traceback.

    Exit codes: 0 all well; 1 a metric failed; 2 bad input; 3 a fault of impactkit's own.
    """
    # Matrices here are small: threads of the linear algebra would wait for each other, at the cost
    # of a fifth of the CPU time of an evaluation. Read when numpy is imported, which is later.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    threads = set(threading.enumerate())
    try:
        _run()
    except SystemExit as end:
        if any(not t.daemon for t in set(threading.enumerate()) - threads):
            # Python would wait for a thread that a plugin left running, perhaps for ever.
            with contextlib.suppress(OSError):  # whoever read it has gone
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(end.code if isinstance(end.code, int) else 0)
        raise


def _run() -> NoReturn:
    from impactkit.errors import ImpactkitError

    try:
        code = cli.main(prog_name="impactkit", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped before it was finished.", err=True)
        sys.exit(130)
    except ImpactkitError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except OSError as error:  # a folder that may not be written, a disk that is full
        if os.environ.get("IMPACTKIT_DEBUG"):
            raise
        name = f"{error.filename}: " if error.filename else ""
        click.echo(
            f"{name}it cannot be read or written ({error.strerror or type(error).__name__}). "
            "Check the name, whether you may write there, and the space on the disk.",
            err=True,
        )
        sys.exit(2)
    except SystemExit:
        # So click ends when whoever read our output has gone, as `| head` does.
        sys.exit(0)
    except BaseException as error:  # a panic inside polars is no Exception
        if os.environ.get("IMPACTKIT_DEBUG"):
            raise
        click.echo(
            f"This is a fault of impactkit's own ({type(error).__name__}). "
            "Please report it, with what IMPACTKIT_DEBUG=1 prints.",
            err=True,
        )
        sys.exit(3)
    sys.exit(code if isinstance(code, int) else 0)
