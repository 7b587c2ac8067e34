"""What a run's reader knows, as the API's answers."""

import hashlib
import math
import os
from typing import Any

from ailab.experiment.record import RunReader
from ailab.experiment.record.summary import ImageEvent
from ailab_server.models import Image, ImageHistory, Metric, Primary, RunDetail, RunSummary
from ailab_server.strict import number, strict, text
from ailab_server.workspace.files import is_plain_name

__all__ = ["detail", "image_file", "run_id", "summary", "unreadable"]

_MOST_METRICS = 10_000
_MOST_IMAGES = 10_000
_SAFE_STEP = 2**53  # beyond it JavaScript no longer tells neighbours apart


def run_id(relative: str) -> str:
    """The opaque id of the run at this path below the workspace."""
    return hashlib.sha256(os.fsencode(relative)).hexdigest()[:20]


def summary(reader: RunReader, id: str, relative: str, first_seen: float, revision: int) -> RunSummary:
    """A run as a row of the list. ``first_seen`` stands in where the run does not say when it was made."""
    experiment, _, name = relative.rpartition("/")
    info = reader.info
    created = _time(reader.created, first_seen)
    return RunSummary(
        id=id,
        experiment=text(experiment, 500),
        name=text(name, 500),
        state=reader.state,  # type: ignore[arg-type]  # core's states are the API's
        progress=reader.progress,
        eta_seconds=_finite(reader.eta_seconds()),
        created=created,
        updated=_time(reader.updated, created),
        finished=_finite(reader.finished),
        host=_string(info.get("host")),
        user=_string(info.get("user")),
        task=_string(info.get("task")) or None,
        primary=_primary(reader),
        error=_one_line(reader.error),
        damaged=reader.damaged,
        revision=revision,
    )


def unreadable(id: str, relative: str, first_seen: float, revision: int) -> RunSummary:
    """The row of a run of which nothing can be said."""
    experiment, _, name = relative.rpartition("/")
    return RunSummary(
        id=id,
        experiment=text(experiment, 500),
        name=text(name, 500),
        state="failed",
        progress=None,
        eta_seconds=None,
        created=first_seen,
        updated=first_seen,
        finished=None,
        host="",
        user="",
        task=None,
        primary=None,
        error="this run's files cannot be read; the server's log has the details",
        damaged=True,
        revision=revision,
    )


def detail(reader: RunReader, run: RunSummary) -> RunDetail:
    """Everything about a run but its series and the bytes of its images."""
    metrics = [
        Metric(
            name=text(metric.name), primary=metric.primary, count=metric.count, last=number(metric.last),
            last_step=_step(metric.last_step),
        )
        for metric in list(reader.metrics.values())[:_MOST_METRICS]
    ]  # fmt: skip
    return RunDetail(
        summary=run,
        metrics=metrics,
        images=_images(reader, run.id),
        config=strict(reader.config),
        info=strict(reader.info),
        traceback=text(reader.traceback, 100_000) if reader.traceback else None,
    )


def image_file(reader: RunReader, run: str, id: str) -> str:
    """The name of the file, in the run's ``images``, that an image id stands for.

    KeyError if there is none.
    """
    for event in _latest_events(reader).values():
        if _image_id(run, event) == id:
            return event.file
    raise KeyError(id)


def _images(reader: RunReader, run: str) -> list[ImageHistory]:
    by_name: dict[str, list[Image]] = {}
    for event in _latest_events(reader).values():
        image = Image(
            id=_image_id(run, event),
            step=None if event.step is None else _step(event.step),
            time=event.time,
            caption=None if event.caption is None else text(event.caption, 2_000),
        )
        by_name.setdefault(event.name, []).append(image)
    return [ImageHistory(name=text(name), latest=history[-1], history=history) for name, history in by_name.items()]


def _latest_events(reader: RunReader) -> dict[str, ImageEvent]:
    """File name → the event that wrote it last, in the order of writing.

    Names that lead out of the folder are left out.
    """
    events: dict[str, ImageEvent] = {}
    for event in reader.images[-_MOST_IMAGES:]:
        if is_plain_name(event.file):
            events.pop(event.file, None)
            events[event.file] = event
    return events


def _image_id(run: str, event: ImageEvent) -> str:
    # With the time in it: a picture that was replaced under its old name has a new id, and nobody shows a
    # stale one.
    key = f"{run}\0{event.time!r}\0{text(event.file)}"
    return hashlib.sha256(key.encode()).hexdigest()[:20]


def _primary(reader: RunReader) -> Primary | None:
    metric = reader.primary()
    if metric is None or metric.count == 0:
        return None
    steps, values = reader.spark(metric.name)
    isfinite = math.isfinite
    return Primary(
        name=text(metric.name, 500),
        last=number(metric.last),
        step=_step(metric.last_step),
        steps=list(map(_step, steps[-60:])),
        values=[value if isfinite(value) else None for value in values[-60:]],
    )


def _string(value: Any) -> str:
    return text(value, 200) if isinstance(value, str) else ""


def _one_line(value: str | None) -> str | None:
    return text(" ".join(value.split()), 500) if value else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _time(value: float | None, otherwise: float) -> float:
    return value if value is not None and math.isfinite(value) else otherwise


def _step(value: int) -> int:
    if -_SAFE_STEP <= value <= _SAFE_STEP:
        return value
    return max(-_SAFE_STEP, min(_SAFE_STEP, value))
