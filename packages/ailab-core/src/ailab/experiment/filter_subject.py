"""A run as a filter sees it: which names there are, and what they stand for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ailab.experiment.filter_values import Moment, Span
from ailab.experiment.record import RunReader
from ailab.experiment.settings import flatten

if TYPE_CHECKING:
    from ailab.experiment.recorded import Run

__all__ = ["FIELDS", "RunSubject"]


def _moment(value: float | None) -> Moment | None:
    return None if value is None else Moment(value)


def _span(run: Any) -> Span | None:
    end = run.finished if run.finished is not None else run.updated
    return None if end is None or run.created is None else Span(max(0.0, end - run.created))


def _git(run: Any, key: str) -> Any:
    git = run.info.get("git")
    return git.get(key) if isinstance(git, dict) else None


FIELDS: dict[str, Callable[[Any], Any]] = {
    "id": lambda run: run.folder.path.name,
    "experiment": lambda run: run.folder.path.parent.name,
    "state": lambda run: run.state,
    "created": lambda run: _moment(run.created),
    "updated": lambda run: _moment(run.updated),
    "finished": lambda run: _moment(run.finished),
    "duration": _span,
    "progress": lambda run: run.progress,
    "tags": lambda run: run.tags,
    "notes": lambda run: run.notes,
    "error": lambda run: run.error,
    "host": lambda run: run.info.get("host"),
    "user": lambda run: run.info.get("user"),
    "task": lambda run: run.info.get("task"),
    "commit": lambda run: _git(run, "commit"),
    "branch": lambda run: _git(run, "branch"),
    "command": lambda run: " ".join(map(str, run.info.get("command") or [])),
    "path": lambda run: str(run.folder.path),
}
"""The names that every run has, and what they stand for. Times are seconds since the epoch, ``duration`` seconds."""


class RunSubject:
    """Looks names up in a `Run` or in a server's `RunReader`.

    In this order: `FIELDS`, a metric's last value, a path of the configuration. ``metric.NAME``, ``config.PATH`` and
    ``info.PATH`` name one kind alone.
    """

    def __init__(self, run: Run | RunReader) -> None:
        self._run = run

    def look_up(self, name: str) -> Any:
        """The value behind a name; None if the run has nothing of this name."""
        run = self._run
        if name in FIELDS:
            return FIELDS[name](run)
        if name in run.metrics:
            return self._last(name)
        kind, _, rest = name.partition(".")
        if kind == "metric":
            return self._last(rest) if rest in run.metrics else None
        if kind == "info":
            return _at(run.info, rest)
        found = _at(run.config, name)
        return _at(run.config, rest) if found is None and kind == "config" else found

    def reduce(self, metric: str, how: str) -> float | None:
        """One of ``filters.REDUCTIONS`` of a metric's values; None if there is no such metric or it has no values."""
        if metric not in self._run.metrics:
            return None
        if how == "last":
            return self._last(metric)
        values = self._run.values(metric)["value"]
        if how == "count":
            return len(values)
        if how == "first":
            return float(values[0]) if len(values) else None
        values = values[~np.isnan(values)]
        if not len(values):
            return None
        reduce: Any = {"min": np.min, "max": np.max, "mean": np.mean}[how]
        return float(reduce(values))

    def names(self) -> Iterator[str]:
        """What there is to look up."""
        yield from FIELDS
        yield from self._run.metrics
        yield from flatten(self._run.config)

    def _last(self, metric: str) -> float | None:
        run = self._run
        value = run.metrics[metric].last if isinstance(run, RunReader) else run.last(metric)
        # Nothing is known of a metric that was named and never logged; a NaN that was logged stays one.
        empty = isinstance(run, RunReader) and run.metrics[metric].count == 0
        return None if empty and math.isnan(value) else value


def _at(content: Any, path: str) -> Any:
    for part in path.split("."):
        if not isinstance(content, dict) or part not in content:
            return None
        content = content[part]
    return content
