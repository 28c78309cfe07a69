"""Where plugins come from, and what identifies them."""

from __future__ import annotations

import hashlib
import sys

import pytest

from impactkit.plugins import Origin, PluginInfo
from impactkit.plugins.find import content_hash, installed, local_files, not_found


def put(site, name, *, distribution, requires=(), entry="kent"):
    """Write the metadata of a distribution with one plugin."""
    info = site / f"{distribution.replace('-', '_')}-2.0.dist-info"
    info.mkdir()
    lines = [f"Requires-Dist: {line}" for line in requires]
    text = "\n".join(["Metadata-Version: 2.1", f"Name: {distribution}", "Version: 2.0", *lines])
    (info / "METADATA").write_text(text + "\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[impactkit]\n{entry} = {name}\n", encoding="utf-8")


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Return a folder on the import path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def found(name, **lists):
    """Return what is known of one installed plugin without importing it."""
    lists = {"allow": (), "deny": (), "reserved": {}, **lists}
    (info,) = [i for i in installed(**lists) if i.name.endswith(name)]
    return info


def test_metadata_is_enough(site):
    """Name, version, distribution and requirement are known, and there is no such module."""
    put(site, "no_such_module", distribution="kent-tools", requires=["impactkit>=0.1", "polars"])
    info = found("kent")
    assert (info.version, info.source) == ("2.0", "installed, kent-tools")
    assert info.requires == ">=0.1"
    assert info.origin == Origin(module="no_such_module")
    assert info.reason == ""


def test_a_kept_name_belongs_to_its_distribution(site):
    """Reports trust what a plugin of that name says, so nobody else may have it."""
    put(site, "m", distribution="kent-tools", entry="didnt")
    reserved = {"didnt": "impactkit-didnt"}
    info = found("didnt", reserved=reserved)
    assert (info.name, info.status, info.first_party) == ("kent-tools:didnt", "failed", False)
    assert "is kept for impactkit-didnt" in info.reason
    put(site, "m", distribution="impactkit-didnt", entry="didnt")
    ours = [i for i in installed(allow=(), deny=(), reserved=reserved) if i.name == "didnt"]
    assert [(i.first_party, i.reason) for i in ours] == [(True, "")]


@pytest.mark.parametrize(
    ("lists", "reason"),
    [
        ({"deny": ["kent"]}, "named in the deny list"),
        ({"allow": ["surrey"]}, "not in the allow list"),
        ({"allow": ["kent"]}, ""),
        ({"allow": ["kent"], "deny": ["kent"]}, "named in the deny list"),
    ],
)
def test_lists_filter(lists, reason, site):
    """The deny list wins."""
    put(site, "m", distribution="kent-tools")
    assert found("kent", **lists).reason == reason


def test_a_local_file_is_known_by_its_content(tmp_path):
    """Its version is the beginning of its hash, and what runs is what was hashed."""
    (tmp_path / "late.py").write_bytes(b"x = 1\n")
    asked = []
    (info,) = local_files(tmp_path, allowed=lambda *a: asked.append(a) or True, deny=())
    digest = hashlib.sha256(b"x = 1\n").hexdigest()
    assert asked == [("late.py", digest)]
    assert (info.name, info.version, info.content_hash) == ("local:late", digest[:12], digest)
    (tmp_path / "late.py").write_bytes(b"raise SystemExit\n")
    assert info.origin.load().x == 1


def test_a_package_is_hashed_whole_and_a_module_by_itself(site):
    """A result says which code made it: a change to any of it shows, a neighbour's does not."""
    package = site / "kent_package"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "levels.csv").write_text("head\n", encoding="utf-8")
    (site / "kent_module.py").write_text("", encoding="utf-8")
    import kent_module  # type: ignore[import-not-found]
    import kent_package  # type: ignore[import-not-found]

    assert kent_module
    assert kent_package
    try:
        first = {name: content_hash(name) for name in ("kent_module", "kent_package")}
        assert content_hash("kent_package.plugin") == first["kent_package"]
        (site / "neighbour.py").write_text("y = 2", encoding="utf-8")
        assert content_hash("kent_module") == first["kent_module"]
        (package / "levels.csv").write_text("deputy\n", encoding="utf-8")
        assert content_hash("kent_package") != first["kent_package"]
        (package / "__pycache__" / "junk.pyc").parent.mkdir(exist_ok=True)
        second = content_hash("kent_package")
        (package / "__pycache__" / "junk.pyc").write_bytes(b"1")
        assert content_hash("kent_package") == second
    finally:
        for name in ("kent_module", "kent_package"):
            sys.modules.pop(name, None)


def test_a_name_that_means_no_plugin_is_noted_with_what_was_meant():
    """A local file may be named with or without its prefix."""
    infos = [PluginInfo(name="core"), PluginInfo(name="did"), PluginInfo(name="local:late")]
    names = {"did": "x", "late": "x", "local:late": "x", "dit": "named in the deny list"}
    (info,) = not_found(names, infos)
    assert (info.name, info.status, info.source) == ("dit", "not found", "named in the deny list")
    assert info.reason == "there is no plugin of this name. Did you mean 'did'?"
