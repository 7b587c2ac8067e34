"""Where and how a run runs: what ``run.json`` records."""

from __future__ import annotations

import getpass
import os
import platform
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

__all__ = ["git_state", "packages", "process_facts"]

_GIT_SECONDS = 10


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
    found = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            found[name] = distribution.version
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit, branch and whether tracked files are changed; None outside a repository or without git."""

    def git(*arguments: str) -> str:
        # --no-optional-locks: looking must not get in the way of the user's own git.
        command = ["git", "--no-optional-locks", *arguments]
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        return done.stdout.strip()

    try:
        return {
            "commit": git("rev-parse", "HEAD"),
            "branch": git("rev-parse", "--abbrev-ref", "HEAD"),
            "dirty": bool(git("status", "--porcelain", "--untracked-files=no")),
        }
    except (OSError, subprocess.SubprocessError):
        return None
