"""Where plugins come from: installed distributions by their metadata, and local files."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import attrs

from impactkit.errors import did_you_mean
from impactkit.plugins.info import GROUP, Origin, PluginInfo
from impactkit.plugins.versions import requirement


def installed(
    *, allow: Iterable[str], deny: Iterable[str], reserved: Mapping[str, str]
) -> Iterator[PluginInfo]:
    """Yield every installed plugin, importing none; those that have no reason are to be loaded.

    `reserved` maps names of entry points to the only distributions that may have them.
    """
    from importlib.metadata import entry_points

    allow, deny = set(allow), set(deny)
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        distribution = entry.dist.name if entry.dist else "an unknown distribution"
        info = PluginInfo(
            name=entry.name,
            version=entry.dist.version if entry.dist else "",
            source=f"installed, {distribution}",
            requires=requirement(entry.dist.requires if entry.dist else ()),
            origin=Origin(module=entry.value),
            first_party=reserved.get(entry.name) == distribution,
        )
        if entry.name in deny:
            info = attrs.evolve(info, status="denied", reason="named in the deny list")
        elif allow and entry.name not in allow:
            info = attrs.evolve(info, status="denied", reason="not in the allow list")
        elif entry.name in reserved and not info.first_party:
            info = attrs.evolve(
                info,
                name=f"{distribution}:{entry.name}",
                status="failed",
                reason=(
                    f"the name {entry.name!r} is kept for {reserved[entry.name]}; "
                    "its author must give the entry point another"
                ),
            )
        yield info


def local_files(
    folder: Path, *, allowed: Callable[[str, str], bool], deny: Iterable[str]
) -> Iterator[PluginInfo]:
    """Yield every ``*.py`` of a folder but helpers and tests; run none.

    ``allowed(file name, sha256)`` tells whether this content may run.
    """
    deny = set(deny)
    for path in sorted(folder.glob("*.py")):
        if path.name.startswith(("_", "test_", "conftest")) or not path.is_file():
            continue
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        info = PluginInfo(
            name=f"local:{path.stem}",
            version=digest[:12],
            source=f"local file {folder.name}/{path.name}",
            content_hash=digest,
            local=True,
            origin=Origin(path=path, content=content),
        )
        if path.stem in deny or info.name in deny:
            info = attrs.evolve(info, status="denied", reason="named in the deny list")
        elif not allowed(path.name, digest):
            reason = "its content has not been allowed; read it, then run with --allow-local"
            info = attrs.evolve(info, status="not allowed", reason=reason)
        yield info


def not_found(names: Mapping[str, str], plugins: Iterable[PluginInfo]) -> Iterator[PluginInfo]:
    """Yield a plugin that is not there for every name in a list that means none.

    `names` maps each name to the list that it stands in.
    """
    known = {info.name for info in plugins}
    known |= {name.partition(":")[2] for name in known if name.startswith("local:")}
    for name, where in sorted(names.items()):
        if name not in known:
            reason = f"there is no plugin of this name. {did_you_mean(name, known - {'core'})}"
            yield PluginInfo(name=name, source=where, status="not found", reason=reason)


def content_hash(module: str) -> str:
    """Hash the code and data that a loaded module came with, so that a result can say what made it.

    A package is hashed whole, from its top; a module that stands alone, by itself.
    """
    top = sys.modules.get(module.partition(".")[0])
    roots = sorted(Path(folder) for folder in getattr(top, "__path__", ()))
    file = getattr(top, "__file__", None)
    if not roots:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""
    digest = hashlib.sha256()
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                name = path.relative_to(root).as_posix()
                digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
