"""What AI Lab is to reach, and how a result stands to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recording.peers import OURS

__all__ = ["GOALS", "Goal", "measured", "standing"]


@dataclass(frozen=True)
class Goal:
    """What lies at ``path`` in AI Lab's results, times ``factor``, is at most ``most`` in ``unit``."""

    title: str
    path: tuple[str, str]
    most: float
    unit: str
    factor: float = 1.0


GOALS = (
    Goal("`log_value`, median", ("value", "median_us"), 1.5, "µs"),
    Goal("`log_value`, mean", ("value", "mean_us"), 2.0, "µs"),
    Goal("`run.log` of ten values, median", ("ten", "median_us"), 8.0, "µs"),
    Goal("an image of 256×256×3, median", ("image", "median_us"), 1.0, "ms", 1e-3),
    Goal("bytes a point", ("size", "bytes_a_point"), 40.0, "bytes"),
    Goal("process start to first value", ("start", "seconds"), 0.12, "s"),
    Goal("peak memory at the first value", ("start", "megabytes"), 45.0, "MiB"),
    Goal("lost to `kill -9` in a tight loop", ("tight", "lost"), 0.0, "values"),
    Goal("lost to `kill -9` at 100 Hz", ("hz100", "lost"), 0.0, "values"),
)


def measured(result: Mapping[str, Any], path: tuple[str, str]) -> float | None:
    """A figure of one library's results; None if it was not measured."""
    value = result.get(path[0], {}).get(path[1])
    return None if value is None else float(value)


def standing(results: Mapping[str, Mapping[str, Any]], reading: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every goal for which there is a figure: ``goal``, ``most``, ``unit``, ``reached``, ``met``.

    ``reading`` are the rows of ``benchmarks/reading.py``, whose goals are listed too.
    """
    found = []
    for goal in GOALS:
        value = measured(results.get(OURS, {}), goal.path)
        if value is not None:
            value *= goal.factor
            row = {"goal": goal.title, "most": goal.most, "unit": goal.unit, "reached": value}
            found.append({**row, "met": value <= goal.most})
    for read in reading:
        if read["goal_seconds"] is not None:
            most, reached = 1000 * read["goal_seconds"], 1000 * read["seconds"]
            row = {"goal": f"reading {read['what']}", "most": most, "unit": "ms", "reached": reached}
            found.append({**row, "met": reached <= most})
    return found
