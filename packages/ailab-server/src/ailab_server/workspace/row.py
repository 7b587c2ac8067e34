"""A run as a row of the list: the JSON of a `RunSummary`, and what the server must know without parsing it.

It knows no models, whose import takes longer than reading five hundred runs: `RunSummary` checks what others send, and
all that is here was checked when it was read.
"""

import hashlib
import math
import os
from typing import Any, NamedTuple

from pydantic_core import to_json

from ailab.experiment.record import RunReader
from ailab_server.strict import number, text

__all__ = ["Row", "of_run", "renumbered", "run_id", "safe_step", "unreadable"]

_SAFE_STEP = 2**53  # beyond it JavaScript no longer tells neighbours apart


class Row(NamedTuple):
    """One row; ``json`` is that of its `RunSummary`, in which the others are found again."""

    json: bytes
    created: float
    revision: int
    state: str
    task: str | None
    damaged: bool


def run_id(relative: str) -> str:
    """The opaque id of the run at this path below the workspace."""
    return hashlib.sha256(os.fsencode(relative)).hexdigest()[:20]


def of_run(reader: RunReader, id: str, relative: str, first_seen: float, revision: int) -> Row:
    """What a reader knows. ``first_seen`` stands in where the run does not say when it was made."""
    info = reader.info
    created = _time(reader.created, first_seen)
    found = {
        "state": reader.state,
        "progress": reader.progress,
        "eta_seconds": _finite(reader.eta_seconds()),
        "created": created,
        "updated": _time(reader.updated, created),
        "finished": _finite(reader.finished),
        "host": _string(info.get("host")),
        "user": _string(info.get("user")),
        "task": _string(info.get("task")) or None,
        "primary": _primary(reader),
        "error": _one_line(reader.error),
        "damaged": reader.damaged,
    }
    return _row(id, relative, found, revision)


def unreadable(id: str, relative: str, first_seen: float, revision: int) -> Row:
    """The row of a run of which nothing can be said."""
    found = {
        "state": "failed",
        "progress": None,
        "eta_seconds": None,
        "created": first_seen,
        "updated": first_seen,
        "finished": None,
        "host": "",
        "user": "",
        "task": None,
        "primary": None,
        "error": "this run's files cannot be read; the server's log has the details",
        "damaged": True,
    }
    return _row(id, relative, found, revision)


def renumbered(json: bytes, revision: int, new: int) -> bytes:
    """The JSON of a row of ``revision`` with another in its place: it comes last.

    Raises:
        ValueError: it is none of that revision.
    """
    end = b'"revision":%d}' % revision
    if not json.endswith(end):
        raise ValueError("not a row of this revision")
    return b'%b"revision":%d}' % (json[: -len(end)], new)


def safe_step(value: int) -> int:
    """``value``, or what is nearest to it of the whole numbers that JavaScript tells apart."""
    if -_SAFE_STEP <= value <= _SAFE_STEP:
        return value
    return max(-_SAFE_STEP, min(_SAFE_STEP, value))


def _row(id: str, relative: str, found: dict[str, Any], revision: int) -> Row:
    experiment, _, name = relative.rpartition("/")
    whole = {"id": id, "experiment": text(experiment, 500), "name": text(name, 500), **found, "revision": revision}
    json = to_json(whole, inf_nan_mode="null")
    return Row(json, found["created"], revision, found["state"], found["task"], found["damaged"])


def _primary(reader: RunReader) -> dict[str, Any] | None:
    metric = reader.primary()
    if metric is None or metric.count == 0:
        return None
    steps, values = reader.spark(metric.name)
    steps, values = steps[-60:], values[-60:]
    safe = min(steps) >= -_SAFE_STEP and max(steps) <= _SAFE_STEP
    return {
        "name": text(metric.name, 500),
        "last": number(metric.last),
        "step": safe_step(metric.last_step),
        "steps": steps if safe else list(map(safe_step, steps)),
        "values": values,  # JSON has null for what is not finite
    }


def _string(value: Any) -> str:
    return text(value, 200) if isinstance(value, str) else ""


def _one_line(value: str | None) -> str | None:
    return text(" ".join(value.split()), 500) if value else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _time(value: float | None, otherwise: float) -> float:
    return value if value is not None and math.isfinite(value) else otherwise
