"""Checking what a caller wants to run, before it is queued."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BadRequest", "Request", "check_request"]


class BadRequest(ValueError):
    """The request cannot be queued; the message says what to change."""


@dataclass(frozen=True)
class Request:
    """A checked command.

    An argument list, the folder it runs in, how many GPUs it wants, and a name to show.
    """

    command: tuple[str, ...]
    folder: str
    gpus: int
    name: str


def check_request(command: Sequence[str], folder: str, gpus: int, name: str | None, gpus_there: int) -> Request:
    """The request, if it can run on a machine with ``gpus_there`` GPUs.

    Raises:
        BadRequest: it cannot.
    """
    if not command or not command[0].strip():
        raise BadRequest("command: give the program and its arguments as a list")
    for argument in command:
        _check_argument("command", argument)
    _check_argument("folder", folder)
    if not Path(folder).is_absolute():
        raise BadRequest("folder: give an absolute path on the server's machine")
    try:
        is_folder = Path(folder).is_dir()
    except OSError:
        is_folder = False
    if not is_folder:
        raise BadRequest("folder: there is no such folder on the server's machine")
    if gpus > gpus_there:
        raise BadRequest(f"gpus: {gpus} were asked for; this server has {gpus_there}")
    if name is not None and not (name.strip() and name.isprintable()):
        raise BadRequest("name: give one that is printable, or none")
    return Request(tuple(command), os.path.normpath(folder), gpus, name or _default_name(command))


def _check_argument(field: str, text: str) -> None:
    if "\0" in text:
        raise BadRequest(f"{field}: holds a NUL character, which no program can be given")
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        encoding = sys.getfilesystemencoding()
        raise BadRequest(f"{field}: holds a character that {encoding} cannot encode") from None


def _default_name(command: Sequence[str]) -> str:
    # The script says more than the interpreter: python -u train.py → train.py
    words = [word for word in command if not word.startswith("-")]
    script = next((word for word in words[1:] if word.endswith((".py", ".sh"))), words[0] if words else command[0])
    name = "".join(c for c in Path(script).name if c.isprintable())[:200]
    return name or "task"
