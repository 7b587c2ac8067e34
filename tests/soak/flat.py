"""When a measure counts as flat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["Flatness", "flatness"]


@dataclass(frozen=True)
class Flatness:
    """How a measure behaved after the warm-up.

    Attributes:
        slope: of the least-squares line, a minute.
        before, after: medians of the first and second half of what follows the warm-up.
        peak: the largest of all, warm-up included.
        flat: the line rises by less than ``most`` in ten minutes *and* the second median exceeds the first by less.
    """

    slope: float
    before: float
    after: float
    peak: float
    most: float

    @property
    def flat(self) -> bool:
        return self.slope * 10.0 <= self.most and self.after - self.before <= self.most


def flatness(samples: Sequence[tuple[float, float]], warm_up: float, most: float) -> Flatness:
    """Judge ``samples``, each (seconds, measure).

    Args:
        warm_up: what was measured in so many seconds is not judged.
        most: by how much it may rise, in units of the measure, in ten minutes and from half to half.

    Raises:
        ValueError: fewer than four samples follow the warm-up.
    """
    judged = [(when, value) for when, value in samples if when >= warm_up]
    if len(judged) < 4:
        raise ValueError(f"{len(judged)} samples after {warm_up:g} s of warm-up do not show whether it is flat")
    mean_time = sum(when for when, _ in judged) / len(judged)
    mean = sum(value for _, value in judged) / len(judged)
    spread = sum((when - mean_time) ** 2 for when, _ in judged)
    slope = sum((when - mean_time) * (value - mean) for when, value in judged) / spread if spread else 0.0
    half = len(judged) // 2
    return Flatness(
        slope=slope * 60.0,
        before=median(value for _, value in judged[:half]),
        after=median(value for _, value in judged[half:]),
        peak=max(value for _, value in samples),
        most=most,
    )
