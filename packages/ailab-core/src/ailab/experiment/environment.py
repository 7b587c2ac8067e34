"""Where and how a run runs: what ``run.json`` records."""

from __future__ import annotations

import getpass
import os
import platform
import socket
import sys
from pathlib import Path
from typing import Any

__all__ = ["cuda", "git_diff", "git_state", "packages", "process_facts"]

_GIT_SECONDS = 10
_LARGEST_DIFF = 4 << 20


def process_facts() -> dict[str, Any]:
    """What is known at once: machine, user, command, Python."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = str(os.getuid())
    return {
        "host": socket.gethostname(),
        "user": user,
        "pid": os.getpid(),
        "command": list(sys.orig_argv),
        "folder": str(Path.cwd()),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "task": os.environ.get("AILAB_TASK_ID"),
    }


def packages() -> dict[str, str]:
    """Every installed distribution and its version. Takes about a tenth of a second in a large environment."""
    from importlib import metadata

    found = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            found[name] = distribution.version
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit, branch and whether tracked files are changed; None outside a repository or without git."""
    try:
        return {
            "commit": _git(folder, "rev-parse", "HEAD").strip(),
            "branch": _git(folder, "rev-parse", "--abbrev-ref", "HEAD").strip(),
            "dirty": bool(_git(folder, "status", "--porcelain", "--untracked-files=no").strip()),
        }
    except OSError:
        return None


def git_diff(folder: Path) -> bytes | None:
    """What is changed against the commit, as ``git apply`` takes it; None: more than 4 MiB.

    Raises:
        OSError: git does not say.
    """
    diff = _git(folder, "diff", "--binary", "HEAD").encode("utf-8", "surrogateescape")
    return diff if len(diff) <= _LARGEST_DIFF else None


def cuda() -> dict[str, Any] | None:
    """Driver, CUDA version and the names of the GPUs in use; None without one."""
    from ailab.experiment.system.gpu import Gpus

    return Gpus().facts()


def _git(folder: Path, *arguments: str) -> str:
    import subprocess

    # --no-optional-locks: looking must not get in the way of the user's own git.
    command = ["git", "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.SubprocessError as error:
        raise OSError(f"git {arguments[0]} failed in {folder}: {error}") from error
    return done.stdout.decode("utf-8", "surrogateescape")
