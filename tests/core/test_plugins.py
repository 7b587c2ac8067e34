from __future__ import annotations

import inspect
import sys
from importlib import metadata
from pathlib import Path

import pluggy
import pytest

import ailab.hookspecs
from ailab.plugins import create_manager, failures, hookimpl
from ailab.plugins.manager import PluginWarning


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, **modules: str) -> None:
    """Make modules importable and registered as plugins, as an installed distribution does it."""
    lines = ["[ailab]"]
    for name, text in modules.items():
        (folder / f"{name}_plugin.py").write_text(text)
        lines.append(f"{name} = {name}_plugin")
        monkeypatch.delitem(sys.modules, f"{name}_plugin", raising=False)
    info = folder / "somebodys-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: somebodys\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(folder)


def test_installed_plugins_are_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(
        tmp_path,
        monkeypatch,
        mine="from ailab.plugins import hookimpl\n@hookimpl\ndef ailab_to_float(value): return 3.0",
    )
    assert create_manager().hook.ailab_to_float(value="x") == 3.0


def test_our_own_console_is_a_plugin_like_any_other() -> None:
    assert "console" in {entry.name for entry in metadata.entry_points(group="ailab")}
    assert create_manager().has_plugin("console")


def test_a_plugin_that_fails_to_load_is_named_and_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = "from ailab.plugins import hookimpl\n@hookimpl\ndef ailab_to_float(value): return 3.0"
    install(tmp_path, monkeypatch, broken="raise RuntimeError('no license')", fine=good)
    with pytest.warns(PluginWarning, match="plugin 'broken' .*RuntimeError: no license"):
        manager = create_manager()
    assert failures(manager) == {"broken": "RuntimeError: no license"}
    assert manager.hook.ailab_to_float(value="x") == 3.0


def test_a_misspelt_hook_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(
        tmp_path,
        monkeypatch,
        typo="from ailab.plugins import hookimpl\n@hookimpl\ndef ailab_to_flaot(value): return 3.0",
    )
    with pytest.raises(pluggy.PluginValidationError, match="ailab_to_flaot"):
        create_manager()


def test_disabled_plugins_are_not_even_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, broken="raise RuntimeError('no license')")
    monkeypatch.setenv("AILAB_DISABLED_PLUGINS", "broken, console")
    manager = create_manager()
    assert failures(manager) == {}
    assert not manager.has_plugin("console")


def test_a_plugin_may_bring_hooks_of_its_own() -> None:
    class Specs:
        @ailab.hookspecs.hookspec
        def ailab_brew(self, cups: int) -> None:
            """Fires when coffee is wanted."""

    class Bringer:
        @hookimpl
        def ailab_add_hookspecs(self, manager: pluggy.PluginManager) -> None:
            manager.add_hookspecs(Specs)

    manager = create_manager(load=False)
    manager.register(Bringer())
    manager.hook.ailab_add_hookspecs(manager=manager)
    assert hasattr(manager.hook, "ailab_brew")


SPECS = sorted(name for name in vars(ailab.hookspecs) if name.startswith("ailab_"))


@pytest.mark.parametrize("name", SPECS)
def test_every_hook_says_when_it_fires_and_is_typed(name: str) -> None:
    spec = getattr(ailab.hookspecs, name)
    assert (spec.__doc__ or "").startswith("Fires ")
    signature = inspect.signature(spec)
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(p.annotation is not inspect.Parameter.empty for p in signature.parameters.values())


@pytest.mark.parametrize("name", SPECS)
def test_every_hook_is_documented_with_its_signature(name: str, request: pytest.FixtureRequest) -> None:
    page = (request.config.rootpath / "docs" / "plugins.md").read_text()
    arguments = ", ".join(inspect.signature(getattr(ailab.hookspecs, name)).parameters)
    assert f"`{name}({arguments})`" in page
