"""The parts of a run that was resumed: each process that went on with it ran its own code and configuration."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ailab.experiment.record.files import read_regular
from ailab.experiment.settings import Settings

if TYPE_CHECKING:
    import numpy.typing as npt

    from ailab.experiment.recorded import Run

__all__ = ["Segment", "segment_of"]


@dataclass(frozen=True)
class Segment:
    """What one process of a run ran, and when.

    Attributes:
        run: the whole.
        number: 1 for the process that made the run.
        count: how many segments the run has.
        info: where and how it ran, like ``run.info``.
        began, ended: seconds since the epoch; infinite for the last one's end.
    """

    run: Run
    number: int
    count: int
    info: dict[str, Any]
    began: float
    ended: float

    @property
    def config_path(self) -> Path:
        """The ``config.json`` it ran with: the first one's, unless it had another."""
        own = self.run.path / f"config.{self.number}.json"
        return own if own.name in {path.name for path in self.run.path.iterdir()} else self.run.folder.config

    @property
    def config(self) -> Settings:
        """The configuration it ran with.

        Raises:
            OSError, ValueError: it cannot be read.
        """
        return Settings(json.loads(read_regular(self.config_path)))

    @property
    def code(self) -> str:
        """The name of its code in the run's folder, ``src`` or ``src.N``; ``NAME.json`` lists it."""
        return "src" if self.number == 1 else f"src.{self.number}"

    def values(self) -> dict[str, npt.NDArray[Any]]:
        """What it logged, by metric; of a distributed run what the first rank did, as `Run.values`."""
        found = {}
        for name, values in self.run.all_values(rank=0).items():
            if self.count > 1:
                values = values[(values["time"] >= self.began) & (values["time"] < self.ended)]
            if len(values):
                found[name] = values
        return found


def segment_of(run: Run, number: int | None = None) -> Segment:
    """A segment of a run; default: the last.

    Raises:
        ValueError: it has none of this number.
    """
    recorded = run.info.get("segments")
    segments = [one for one in recorded if isinstance(one, dict)] if isinstance(recorded, list) else []
    count = max(1, len(segments))
    number = count if number is None else number
    if not 1 <= number <= count:
        raise ValueError(f"{run.id} has {'one segment' if count == 1 else f'{count} segments'}, and no number {number}")
    whole = dict(run.info)
    if count == 1:
        return Segment(run, 1, 1, whole, -math.inf, math.inf)
    # What the run says of itself is its last process's; of the others their own entries tell.
    info = {**whole, "packages": None, "git": None, **segments[number - 1]} if number < count else whole
    starts = [_time(one.get("created")) for one in segments]
    return Segment(run, number, count, info, starts[number - 1], starts[number] if number < count else math.inf)


def _time(value: object) -> float:
    return float(value) if isinstance(value, int | float) else -math.inf
