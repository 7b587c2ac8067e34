"""What a run's events say, whoever reads them: a server that follows a run, or a script that looks at it once."""

from __future__ import annotations

import math
from typing import Any, TypeGuard

from ailab.experiment.record.summary import ImageEvent, MetricSummary

__all__ = ["OVER", "RunFacts", "is_time"]

OVER = ("finished", "failed", "killed")
"""The states that a run ends in."""

# What people write about a run, from other processes and long after it: no sign of its life.
_EDITS = ("tags", "notes")


class RunFacts:
    """The sum of the events of all writers of a run, taken in one by one and in any order of writers.

    Attributes:
        metrics, images: by name; in the order they were logged.
        status: what the run last said of itself: running, finished, failed or killed.
        progress: 0..1, or None if never reported.
        error, traceback: how a failed run ended.
        updated, finished: seconds since the epoch, by the clocks of the machines that wrote; None while unknown.
        tags, notes: as last set, by the run or by anyone after it.
        tags_time, notes_time: when that was, in seconds since the epoch; minus infinity if never.
        warnings: the messages, oldest first for each writer.
    """

    def __init__(self) -> None:
        self._several_ranks = False
        self._began = -math.inf
        self._failures: list[tuple[float, str | None, str | None]] = []
        self.metrics: dict[str, MetricSummary] = {}
        self.images: list[ImageEvent] = []
        self.status = "running"
        self.progress: float | None = None
        self.error: str | None = None
        self.traceback: str | None = None
        self.updated: float | None = None
        self.finished: float | None = None
        self.tags: list[str] = []
        self.notes = ""
        self.warnings: list[str] = []
        self.tags_time = -math.inf
        self.notes_time = -math.inf
        self._said: dict[str, tuple[float, dict[int, str]]] = {}  # what: when it was last said, and by which writer

    def primary(self) -> MetricSummary | None:
        """The metric for the front page: the first logged as primary."""
        return next((metric for metric in self.metrics.values() if metric.primary), None)

    def touch(self, when: float) -> None:
        """Note that the run wrote something at this time."""
        if math.isfinite(when) and (self.updated is None or when > self.updated):
            self.updated = when

    def take(self, names: dict[int, str], event: dict[str, Any]) -> bool | None:
        """Take in one event; an unknown type or field is passed over.

        Args:
            names: the writer's metric ids, which a ``metric`` event adds to.

        Returns:
            Whether the event is a sign of the run's life (what people write about it later is none); None if it is
            no event at all, for want of a time.
        """
        stamp = event.get("time")
        if not is_time(stamp):
            return None
        when = float(stamp)
        kind = event.get("type")
        if kind in _EDITS:
            self._take_edit(when, event, names)
            return False
        self.touch(when)
        if kind == "heartbeat":  # most lines of a long run
            return True
        match kind:  # by its kind first: trying one form of event after the other takes three times as long
            case "metric":
                self._take_metric(event, names)
            case "progress":
                self._take_progress(when, event, names)
            case "image":
                self._take_image(when, event)
            case "status":
                self._take_status(when, event, names)
                self._keep_failure(when, event)
            case "writer":
                self._keep_failure(when, event)
            case "warning":
                if isinstance(message := event.get("message"), str):
                    self.warnings.append(message)
        return True

    def _take_metric(self, event: dict[str, Any], names: dict[int, str]) -> None:
        id, name = event.get("id"), event.get("name")
        if isinstance(id, int) and isinstance(name, str) and 0 <= id < 2**32:
            names[id] = name
            metric = self.metrics.get(name)
            if metric is None:
                metric = self.metrics[name] = MetricSummary(name, False)
            metric.primary = metric.primary or event.get("primary") is True

    def _take_progress(self, when: float, event: dict[str, Any], names: dict[int, str]) -> None:
        value = event.get("value")
        if isinstance(value, (float, int)) and 0 <= value <= 1 and self._is_news("progress", when, names):
            self.progress = float(value)
            self.progressed(when, float(value))

    def _take_image(self, when: float, event: dict[str, Any]) -> None:
        name, file = event.get("name"), event.get("file")
        if isinstance(name, str) and isinstance(file, str):
            step = event.get("step")
            caption = _text(event.get("caption"))
            self.images.append(ImageEvent(name, step if _is_step(step) else None, when, file, caption))

    def _take_status(self, when: float, event: dict[str, Any], names: dict[int, str]) -> None:
        state = event.get("state")
        if isinstance(state, str) and (state == "running" or state in OVER) and self._is_news("status", when, names):
            self.status = state
            self.finished = when if state in OVER else None
            self.error = _text(event.get("error"))
            self.traceback = _text(event.get("traceback"))

    def _keep_failure(self, when: float, event: dict[str, Any]) -> None:
        """Of a distributed run the first failure stays until the run goes on.

        When a rank fails, the others lose it and fail too, or their launcher kills them: neither is what happened.
        """
        self._several_ranks |= event["type"] == "writer"
        if event.get("state") == "running":
            self._began = max(self._began, when)
        elif event.get("state") == "failed":
            self._failures.append((when, _text(event.get("error")), _text(event.get("traceback"))))
        if not self._failures or not self._several_ranks:
            return
        first = min((one for one in self._failures if one[0] >= self._began), key=lambda one: one[0], default=None)
        if first is not None:
            self.status = "failed"
            self.finished, self.error, self.traceback = first

    def progressed(self, when: float, value: float) -> None:
        """Called for each progress event that is newer than those before; for whoever estimates the remaining time."""

    def _take_edit(self, when: float, event: dict[str, Any], names: dict[int, str]) -> None:
        match event:
            case {"type": "tags", "tags": list(tags)} if self._is_news("tags", when, names):
                self.tags, self.tags_time = [tag for tag in tags if isinstance(tag, str)], when
            case {"type": "notes", "text": str(text)} if self._is_news("notes", when, names):
                self.notes, self.notes_time = text, when

    def _is_news(self, what: str, when: float, names: dict[int, str]) -> bool:
        """Whether a writer's word replaces what is known.

        Its own earlier word in any case, whatever its clock did in between. Of two writers the later one's counts, by
        their clocks: they are read one after the other, so a resumed run's news may come first.
        """
        before = self._said.get(what)
        if before is not None and when < before[0] and names is not before[1]:
            return False
        self._said[what] = when, names
        return True


def is_time(value: object) -> TypeGuard[float]:
    """Whether ``value`` can be seconds since the epoch."""
    # Compared, not converted: JSON may hold an int that no float can.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _is_step(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
