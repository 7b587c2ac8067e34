"""Running measurements in processes of their own, none of which reaches anybody else."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recording.peers import Peer

__all__ = ["Failed", "ended", "job", "launch", "run", "said", "start"]

BENCHMARKS = Path(__file__).resolve().parents[1]
LIMIT = 180.0  # seconds for one measurement
LEFT_OVER = 10.0  # seconds that helper processes get to end by themselves

QUIET = {
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "WANDB_ERROR_REPORTING": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_FILE_STORE": "true",  # which since 3.17 is refused otherwise
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "DVC_NO_ANALYTICS": "true",
    "ITERATIVE_DO_NOT_TRACK": "true",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "AIM_UI_TELEMETRY_ENABLED": "0",
    # What asks all the same asks a closed port of this machine.
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "all_proxy": "http://127.0.0.1:9",
    "no_proxy": "localhost,127.0.0.1",
}
"""Offline, and no telemetry: the variables that each one's documentation names."""


class Failed(RuntimeError):
    """A measurement ended without a result."""


def job(python: str, peer: Peer, what: str, **order: Any) -> list[str]:
    """The command of a measurement in ``recording.child``."""
    return [python, "-m", "recording.child", json.dumps({"job": what, "module": peer.module, **order})]


def start(python: str, peer: Peer, folder: Path) -> list[str]:
    """The command that measures a start. Begin it at once: it holds the time."""
    script = "from recording.start import main; main()"
    return [python, "-c", script, peer.module, str(folder), str(time.monotonic_ns())]


def run(command: list[str], home: Path) -> dict[str, Any]:
    """The result that a command prints; whatever it leaves running is ended.

    Raises:
        Failed: it died, or took longer than `LIMIT`.
    """
    with launch(command, home) as process:
        try:
            process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise Failed(f"not done after {LIMIT:.0f} s; it said: {said(home)}") from None
    for line in (home / "out").read_text(errors="replace").splitlines():
        if line.startswith("RESULT "):
            found: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
            return found
    raise Failed(f"died with {process.returncode}: {said(home)}")


def said(home: Path) -> str:
    """The end of what a measurement wrote to stderr."""
    return (home / "err").read_text(errors="replace").strip()[-600:]


@contextlib.contextmanager
def launch(command: list[str], home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own and in an empty folder, which is ended with all its helpers."""
    work = home / "work"
    work.mkdir(parents=True, exist_ok=True)
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "AILAB_WORKSPACE")}
    path = os.pathsep.join(part for part in (str(BENCHMARKS), kept.get("PYTHONPATH", "")) if part)
    environment = {**kept, **QUIET, "PYTHONPATH": path, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}
    # Files and not pipes: nobody reads while an endless measurement runs, and a full pipe would stop it.
    with (home / "out").open("wb") as out, (home / "err").open("wb") as err:
        process = subprocess.Popen(command, cwd=work, env=environment, stdout=out, stderr=err, start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ended(group: int, seconds: float = LEFT_OVER) -> bool:
    """Wait until no process of a session is left: helpers may still write what the dead one gave them."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False
