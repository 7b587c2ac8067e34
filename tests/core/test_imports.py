"""What importing costs, and what happens when a distribution is missing; each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "module", ["ailab", "ailab.data", "ailab.experiment", "ailab.experiment.logging", "ailab.cli", "ailab.client"]
)
def test_core_loads_no_framework_and_no_matplotlib(module: str) -> None:
    heavy = ("matplotlib", "tensorflow", "keras", "torch", "PIL", "fastapi")
    loaded = python(f"import {module}, sys; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))").split()
    assert "ailab" in loaded
    assert not set(heavy) & set(loaded)


# What is installed beside core is loaded as plugins, and with NumPy each of these would cost more than all of ours.
_LATER = (
    "numpy", "torch", "tensorflow", "keras", "matplotlib", "PIL", "pydantic", "click", "pathspec", "pandas",
    "ailab.data", "ailab_torch.dataset", "ailab_keras.dataset", "ailab_server.config", "fastapi", "uvicorn",
    "cryptography", "asyncio", "sqlite3", "ssl", "http.client", "difflib", "hashlib", "multiprocessing",
    "ailab.experiment.recorded", "ailab.experiment.record.reader", "ailab.experiment.images",
)  # fmt: skip


def test_what_the_first_value_does_not_wait_for(tmp_path: Path) -> None:
    code = f"""
import sys, ailab.experiment, ailab.experiment.logging as log
config = ailab.experiment.Config()
for name in ("model", "loss", "metrics", "prepare"):
    setattr(config.arch, name, print)
log.setup(config, workspace={str(tmp_path)!r}, snapshot=False, system_seconds=None)
log.log_value("loss", 0.5)
later = sorted(set(sys.modules) & set({_LATER!r}))
from ailab.plugins import shared_manager
print(*sorted(name for name, plugin in shared_manager().list_name_plugin() if plugin is not None))
print(*later)
"""
    plugins, _, later = python(code).partition("\n")
    assert {"console", "keras", "server", "torch"} <= set(plugins.split())
    assert later == ""


@pytest.mark.parametrize(
    ("alias", "behind", "extra"),
    [
        ("ailab.data.keras", "ailab_keras", "keras"),
        ("ailab.data.pytorch", "ailab_torch", "torch"),
        ("ailab.visualization", "ailab_server", "server"),
    ],
)
def test_a_missing_distribution_names_what_to_install(alias: str, behind: str, extra: str) -> None:
    code = f"""
import sys
class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name == {behind!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, NotInstalled())
try:
    import {alias}
except ModuleNotFoundError as error:
    print(error)
"""
    assert f'pip install "ailab[{extra}]"' in python(code)


@pytest.mark.parametrize(
    ("alias", "behind"), [("ailab.data.keras", "ailab_keras"), ("ailab.data.pytorch", "ailab_torch")]
)
def test_an_error_inside_the_distribution_shows_as_itself(alias: str, behind: str, tmp_path: Path) -> None:
    (tmp_path / behind).mkdir()
    (tmp_path / behind / "__init__.py").write_text("import a_module_that_tensorflow_forgot")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
try:
    import {alias}
except ModuleNotFoundError as error:
    print(error)
"""
    assert python(code) == "No module named 'a_module_that_tensorflow_forgot'"


def test_the_public_names() -> None:
    import ailab
    import ailab.experiment
    import ailab.experiment.logging as log
    import ailab.plugins

    assert ailab.__all__ == ["__version__"]
    assert set(ailab.experiment.__all__) == {
        "Config",
        "ConfigPart",
        "IncompleteConfigError",
        "Run",
        "Workspace",
        "import_config",
        "start",
    }
    assert all(hasattr(ailab.experiment, name) for name in ailab.experiment.__all__)
    assert set(log.__all__) == {
        "current_run",
        "finish",
        "log",
        "log_file",
        "log_histogram",
        "log_image",
        "log_table",
        "log_text",
        "log_value",
        "progress",
        "setup",
        "update_progress",
    }
    assert set(ailab.plugins.__all__) == {
        "GROUP",
        "create_manager",
        "failures",
        "hookimpl",
        "hookspec",
        "shared_manager",
    }
