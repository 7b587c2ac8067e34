"""Reading the events of one writer's file at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ailab.experiment.record.files import read_regular

__all__ = ["read_events"]

# As our own writer spells them. A day of training has thousands, of which only the last of each matters to whoever
# looks at the whole file; spelt otherwise, they are parsed like any event.
_OFTEN = (b'{"type": "heartbeat",', b'{"type": "progress",')


def read_events(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The whole lines of a ``.jsonl`` file as objects, of heartbeats and progress only the last; and the bad lines.

    Raises:
        OSError: the file cannot be read.
    """
    data = read_regular(path)
    lines = data[: data.rfind(b"\n") + 1].split(b"\n")[:-1]
    last: dict[bytes, bytes] = {}
    few: list[bytes] = []
    for line in lines:
        if line.startswith(_OFTEN):
            last[line[:20]] = line
        else:
            few.append(line)
    lines = [*few, *last.values()]
    try:  # all at once, which is quicker than one by one
        whole = json.loads(b"[" + b",".join(lines) + b"]")
    except (ValueError, RecursionError):
        whole = []
    if len(whole) == len(lines) and all(type(event) is dict for event in whole):
        return whole, 0
    events: list[dict[str, Any]] = []
    bad = 0
    for line in lines:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if isinstance(event, dict):
            events.append(event)
        else:
            bad += 1
    return events, bad
