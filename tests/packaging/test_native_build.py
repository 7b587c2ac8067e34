"""The core's build compiles its loops where it can, and is complete where it cannot."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

PACKAGE = Path("packages", "ailab-core")


@pytest.fixture
def build(request: pytest.FixtureRequest) -> ModuleType:
    path = request.config.rootpath / PACKAGE / "hatch_build.py"
    spec = importlib.util.spec_from_file_location("ailab_core_build", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def root(tmp_path: Path, build: ModuleType) -> Path:
    """A copy of the source, with a module of an earlier one beside it."""
    source = tmp_path / build.SOURCE
    source.parent.mkdir(parents=True)
    source.write_text("nothing that could be compiled")
    (source.parent / "_native.earlier.so").touch()
    return tmp_path


def hook(build: ModuleType, root: Path, warnings: list[str]) -> Any:
    app = SimpleNamespace(display_warning=warnings.append)
    return build.NativeHook(str(root), {}, None, None, str(root / "dist"), "wheel", app)


@pytest.fixture
def compiler() -> None:
    pytest.importorskip("setuptools")
    if shutil.which("cc") is None or not Path(sysconfig.get_paths()["include"], "Python.h").is_file():
        pytest.skip("no compiler here, or none of Python's headers")


@pytest.mark.parametrize("version", ["standard", "editable"])
def test_without_a_compiler_it_warns_and_goes_on(
    build: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    def fails(source: Path, folder: Path) -> Path:
        raise OSError("no cc")

    monkeypatch.setattr(build, "compiled", fails)
    monkeypatch.delenv("AILAB_NATIVE", raising=False)
    warnings: list[str] = []
    data: dict[str, Any] = {"force_include": {}, "pure_python": True}
    hook(build, root, warnings).initialize(version, data)
    assert warnings == ["ailab-core: built without its compiled loops: no cc"]
    assert data == {"force_include": {}, "pure_python": True}
    # One that is older than its source would go on being imported.
    assert (root / build.SOURCE.parent / "_native.earlier.so").exists() == (version == "standard")
    monkeypatch.setenv("AILAB_NATIVE", "1")
    with pytest.raises(OSError, match="no cc"):
        hook(build, root, warnings).initialize(version, data)


def test_it_can_be_left_out(build: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AILAB_NATIVE", "0")
    data: dict[str, Any] = {"force_include": {}}
    made = hook(build, root, [])
    made.initialize("standard", data)
    assert data == {"force_include": {}}
    assert made.dependencies() == []
    monkeypatch.delenv("AILAB_NATIVE")
    assert bool(made.dependencies()) == (not sysconfig.get_config_var("Py_GIL_DISABLED"))


@pytest.mark.usefixtures("compiler")
def test_what_is_compiled_goes_into_the_wheel_and_works(
    build: ModuleType, root: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not build.wanted():
        monkeypatch.setenv("AILAB_NATIVE", "1")
    shutil.copy(request.config.rootpath / PACKAGE / build.SOURCE, root / build.SOURCE)
    data: dict[str, Any] = {"force_include": {}}
    made = hook(build, root, [])
    made.initialize("standard", data)
    assert data["pure_python"] is False
    assert data["infer_tag"] is True
    ((file, place),) = data["force_include"].items()
    assert place == f"ailab/data/batches/{Path(file).name}"
    code = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("ailab.data.batches._native", {file!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
assert module.one_type([1, 2]) is int
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    made.finalize("standard", data, "")
    assert not Path(file).exists()


@pytest.mark.usefixtures("compiler")
def test_an_editable_install_has_it_beside_its_source(
    build: ModuleType, root: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AILAB_NATIVE", "1")
    shutil.copy(request.config.rootpath / PACKAGE / build.SOURCE, root / build.SOURCE)
    data: dict[str, Any] = {"force_include": {}}
    hook(build, root, []).initialize("editable", data)
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    assert (root / build.SOURCE).with_name(f"_native{suffix}").is_file()
    assert data["force_include"] == {}
