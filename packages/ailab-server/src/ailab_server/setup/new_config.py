"""Writing a config file for someone who has none: ``ailab-server init``."""

import json
import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ailab_server.auth.passwords import hash_password

__all__ = ["detect_gpus", "new_password", "write_config"]

_SECONDS = 20


def new_password() -> str:
    """A password that nobody guesses and that can still be typed."""
    return secrets.token_urlsafe(12)


def detect_gpus() -> list[int]:
    """Ids of the GPUs that nvidia-smi knows; empty without it, or when it fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, "--query-gpu=index", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):  # a driver that does not answer is no reason for no config
        return []
    return sorted({int(line) for line in done.stdout.split() if line.isdecimal()})


def write_config(path: Path, workspace: str, user: str, password: str, host: str, gpus: list[int]) -> None:
    """Write a new config file that only its owner can read, with the password as a hash.

    Raises:
        FileExistsError: there is one already; it stays as it is.
        OSError: it cannot be written.
    """
    keys: dict[str, Any] = {
        "host": host,
        "port": 12345,
        "users": {user: str(hash_password(password))},
        "workspace": workspace,
        "auto_detect_experiments": True,
        "gpus": gpus,
    }
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(json.dumps(keys, indent=2) + "\n")
