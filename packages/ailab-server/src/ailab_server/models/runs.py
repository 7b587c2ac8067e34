"""Runs: rows of the list, and one with everything but its series and the bytes of its images."""

from typing import Any, Literal

from ailab_server.models.base import Answer, Number

__all__ = ["Image", "ImageHistory", "Metric", "Primary", "RunDetail", "RunList", "RunState", "RunSummary"]

RunState = Literal["queued", "running", "finished", "failed", "killed", "stale"]


class Primary(Answer):
    """A run's primary value.

    Its newest, and at most 60 points of its curve (``null`` where it was not finite).
    """

    name: str
    last: Number
    step: int
    steps: list[int]
    values: list[float | None]


class RunSummary(Answer):
    """A run as one row of the list. ``revision`` grows whenever anything of the run changes."""

    id: str
    experiment: str
    name: str
    state: RunState
    progress: float | None
    eta_seconds: float | None
    created: float
    updated: float
    finished: float | None
    host: str
    user: str
    task: str | None
    primary: Primary | None
    error: str | None
    damaged: bool
    revision: int


class RunList(Answer):
    """Runs, newest first unless sorted: those from ``offset`` on of the ``total`` that fit.

    ``values`` has a row for each of ``runs``, with what it has of each of ``columns``; null where it has nothing.
    """

    runs: list[RunSummary]
    total: int
    offset: int
    columns: list[str]
    values: list[list[Any]]


class Metric(Answer):
    """One named value of a run."""

    name: str
    primary: bool
    count: int
    last: Number
    last_step: int


class Image(Answer):
    """One picture; its bytes are at ``/runs/{run}/images/{id}``."""

    id: str
    step: int | None
    time: float
    caption: str | None


class ImageHistory(Answer):
    """All pictures that were logged under one name, oldest first."""

    name: str
    latest: Image
    history: list[Image]


class RunDetail(Answer):
    """A run with everything but its series and the bytes of its images."""

    summary: RunSummary
    metrics: list[Metric]
    images: list[ImageHistory]
    config: Any
    info: dict[str, Any]
    traceback: str | None
