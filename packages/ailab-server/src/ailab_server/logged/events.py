"""The events of one kind in a run's streams, whoever wrote them."""

import hashlib
import json
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ailab.experiment.record.facts import is_time
from ailab_server.strict import text
from ailab_server.workspace.entry import Entry
from ailab_server.workspace.files import is_plain_name, open_inside

__all__ = ["MOST", "Kind", "Logged", "find", "latest", "steps_to"]

Kind = Literal["text", "table", "histogram", "file"]

MOST = 10_000
"""So many things of a kind are listed of a run, the latest ones."""

_BLOCK = 1 << 20
_LONGEST_LINE = 16 << 20
_SAFE_STEP = 2**53


@dataclass(frozen=True, slots=True)
class Logged:
    """One thing that was logged. ``fields`` are the event's, as they were written: nothing of them is to be trusted."""

    id: str
    name: str
    step: int | None
    time: float
    fields: dict[str, Any]

    @property
    def file(self) -> str | None:
        """The name of its file, if it has one that is a plain name."""
        file = self.fields.get("file")
        return file if isinstance(file, str) and is_plain_name(file) else None

    def head(self) -> dict[str, Any]:
        """What every answer about it begins with."""
        return {"id": self.id, "name": self.name, "step": self.step, "time": self.time}


def latest(root: Path, entry: Entry, kind: Kind, with_file: bool = False) -> list[Logged]:
    """What a run logged of a kind, oldest first; of those under one name and step, or in one file, the last.

    Args:
        with_file: only what lies in a file of its own.

    Raises:
        OSError: the streams cannot be listed.
    """
    newest: dict[Any, Logged] = {}
    for one in sorted(deque(_all(root, entry, kind), MOST), key=lambda one: one.time):
        if with_file and one.file is None:
            continue
        newest.pop(key := one.file or (one.name, one.step), None)
        newest[key] = one
    return list(newest.values())


def find(root: Path, entry: Entry, kind: Kind, id: str) -> Logged:
    """The one of this id.

    Raises:
        KeyError: there is none.
        OSError: the streams cannot be listed.
    """
    for one in latest(root, entry, kind):
        if one.id == id:
            return one
    raise KeyError(id)


def steps_to(entry: Entry, folder: str, file: str) -> list[str]:
    """The steps from the workspace to a file in one of a run's folders."""
    return [*Path(entry.relative).parts, folder, file]


def _all(root: Path, entry: Entry, kind: Kind) -> Iterator[Logged]:
    wanted = f'"{kind}"'.encode()
    for line in _lines(root, Path(entry.relative).parts):
        if wanted not in line:  # most are heartbeats, and parsing is the slow part
            continue
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue  # the run is shown as damaged for it; what can be read is shown
        match event:
            case {"type": found, "name": str(name), "time": when} if found == kind and is_time(when):
                yield _logged(entry.id, kind, name, float(when), event)


def _logged(run: str, kind: Kind, name: str, when: float, event: dict[str, Any]) -> Logged:
    step = event.get("step")
    known = isinstance(step, int) and not isinstance(step, bool)
    # With the time in it: what was replaced under its old name has a new id.
    key = f"{run}\0{kind}\0{when!r}\0{text(name)}\0{step!r:.50}\0{text(event.get('file'))}"
    id = hashlib.sha256(key.encode()).hexdigest()[:20]
    safe = max(-_SAFE_STEP, min(_SAFE_STEP, step)) if isinstance(step, int) and known else None
    return Logged(id, text(name, 500), safe, when, event)


def _lines(root: Path, run: Sequence[str]) -> Iterator[bytes]:
    """The whole lines of all event files of a run, one file after the other."""
    os.close(open_inside(root, run, folder=True))  # raises where the run, or the whole workspace, is away
    try:
        fd = open_inside(root, [*run, "streams"], folder=True)
    except (FileNotFoundError, NotADirectoryError):
        return  # it logged nothing; a link is no folder either
    try:
        names = sorted(name for name in os.listdir(fd) if name.endswith(".jsonl") and name[0] != ".")
    finally:
        os.close(fd)
    for name in names:
        try:
            file = open_inside(root, [*run, "streams", name])
        except OSError:
            continue  # a link, a pipe, or gone since: the run's reader passes over it as well
        with os.fdopen(file, "rb", buffering=_BLOCK) as stream:
            while line := stream.readline(_LONGEST_LINE):
                if line.endswith(b"\n"):
                    yield line
                elif len(line) < _LONGEST_LINE:
                    break  # its end is not there yet
