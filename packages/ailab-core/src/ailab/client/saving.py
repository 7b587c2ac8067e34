"""Putting an answer into a file."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from ailab.client.connection import Answer

__all__ = ["save"]


def save(answer: Answer, path: str | os.PathLike[str]) -> Path:
    """Write what is left of ``answer`` to ``path``, which holds all of it afterwards, or what it held before.

    Raises:
        OSError: the file cannot be written.
        ServerError: the server went away in the middle.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder to write into", str(target.parent))
    temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
    try:
        with temporary.open("xb") as file:
            for piece in answer.pieces():
                file.write(piece)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return target
