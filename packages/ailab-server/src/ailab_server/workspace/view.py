"""What a run's reader knows, as the API's answers about one run."""

import hashlib

from ailab.experiment.record import RunReader
from ailab.experiment.record.summary import ImageEvent
from ailab_server.models import Image, ImageHistory, Metric, RunDetail, RunSummary
from ailab_server.strict import number, strict, text
from ailab_server.workspace.files import is_plain_name
from ailab_server.workspace.row import safe_step

__all__ = ["detail", "image_file"]

_MOST_METRICS = 10_000
_MOST_IMAGES = 10_000
_MOST_TAGS = 1_000


def detail(reader: RunReader, run: RunSummary) -> RunDetail:
    """Everything about a run but its series and the bytes of its images."""
    metrics = [
        Metric(
            name=text(metric.name), primary=metric.primary, count=metric.count, last=number(metric.last),
            last_step=safe_step(metric.last_step),
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
        tags=[text(tag, 100) for tag in reader.tags[:_MOST_TAGS]],
        notes=text(reader.notes, 100_000),
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
            step=None if event.step is None else safe_step(event.step),
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
