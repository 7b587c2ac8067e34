"""What is kept in memory about a metric: enough for a list of runs, however long the run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ImageEvent", "MetricSummary", "Spark"]


@dataclass(frozen=True)
class ImageEvent:
    """An image that was logged: ``file`` lies in the run's ``images/``."""

    name: str
    step: int | None
    time: float
    file: str
    caption: str | None = None


@dataclass
class Spark:
    """At most ``size`` points of a series, evenly spaced in its length, from a single pass over it."""

    size: int = 60
    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    _stride: int = 1
    _seen: int = 0

    def add(self, steps: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> None:
        """Take in the next points, shape (n,) each."""
        seen = self._seen + len(steps)
        stride = self._stride
        while -(-seen // stride) >= self.size:
            stride *= 2  # from now on every second of what was kept is kept
        if stride > self._stride:
            self.steps = self.steps[:: stride // self._stride]
            self.values = self.values[:: stride // self._stride]
        start = -self._seen % stride
        self.steps += steps[start::stride].tolist()
        self.values += values[start::stride].tolist()
        self._stride, self._seen = stride, seen


@dataclass
class MetricSummary:
    """A metric of a run. ``last`` is its writer's newest value (of several writers': the one at the latest time),
    ``last_step`` that value's step.
    """

    name: str
    primary: bool
    count: int = 0
    last: float = math.nan
    last_step: int = 0
    last_time: float = -math.inf
    last_writer: object = None
    spark: Spark = field(default_factory=Spark)

    def add(self, records: npt.NDArray[Any], writer: object = None) -> None:
        """Take in the next records of this metric, dtype ``scalars.RECORD``, in the order ``writer`` wrote them."""
        if not len(records):
            return
        self.count += len(records)
        self.spark.add(records["step"], records["value"])
        _, _, step, time, value = records[-1].item()  # all fields at once: each by itself takes as long
        # A writer's next value is newer than its last, even if its clock was set back in between.
        if time >= self.last_time or (writer is not None and writer is self.last_writer):
            self.last, self.last_step, self.last_time, self.last_writer = value, step, time, writer

    def points(self) -> tuple[list[int], list[float]]:
        """Steps and values for a small chart, the latest value always among them."""
        steps, values = list(self.spark.steps), list(self.spark.values)
        newest = (self.last_step, self.last)
        if self.count and newest not in zip(reversed(steps), reversed(values), strict=True):
            steps.append(self.last_step)
            values.append(self.last)
        if steps == sorted(steps):
            return steps, values
        # A run with several writers, or one that logs its steps in any order, still has its chart from left to right.
        order = sorted(range(len(steps)), key=steps.__getitem__)
        return [steps[i] for i in order], [values[i] for i in order]
