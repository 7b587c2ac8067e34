"""The variables that servers and writers are started with."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path

__all__ = ["ours", "theirs"]

_QUIET = {
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
}


def theirs(home: Path) -> dict[str, str]:
    """For a peer: nothing of this environment's Python, nothing told to anybody, nothing left in the user's folders."""
    home.mkdir(parents=True, exist_ok=True)
    mine = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**mine, **_QUIET, "HOME": str(home), "PYTHONUNBUFFERED": "1"}


@functools.cache
def ours(folder: Path) -> dict[str, str]:
    """For our server: compiled, as pip leaves every package, also where Python is told not to keep what it compiles."""
    found = dict(os.environ)
    if found.pop("PYTHONDONTWRITEBYTECODE", None):
        found["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    modules = "ailab_server.serve, ailab_server.cli, ailab_server.app, ailab_server.workspace.helper"
    subprocess.run([sys.executable, "-c", f"import {modules}"], env=found, check=True)
    return found
