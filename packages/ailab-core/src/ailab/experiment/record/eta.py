"""How much longer a run takes, from the progress it reported."""

from __future__ import annotations

from itertools import pairwise

__all__ = ["EtaEstimator"]

_TRIM = 0.1
"""Of the recent stretches so many are left out at either end: one long stall, say, is no rate."""


class EtaEstimator:
    """Remaining seconds at the rate of the recent half of the run.

    So a slow start (imports, the first epoch's caches) is forgotten, however often progress is reported: of many
    reports those are kept that are evenly spaced in progress.

    Args:
        remember: how many reports are kept.
    """

    def __init__(self, remember: int = 64) -> None:
        self._remember = remember
        self._kept: list[tuple[float, float]] = []
        self._last: tuple[float, float] | None = None
        self._spacing = 0.0

    def add(self, time: float, progress: float) -> None:
        """Take in a report: seconds on any clock, progress 0..1.

        One that goes backwards starts anew (a second phase, say).
        """
        if self._last is not None and (progress < self._last[1] or time < self._last[0]):
            self._kept, self._spacing = [], 0.0
        self._last = (time, progress)
        if not self._kept or progress - self._kept[-1][1] >= self._spacing:
            self._kept.append(self._last)
            if len(self._kept) > self._remember:
                self._spacing = 2 * (progress - self._kept[0][1]) / self._remember
                del self._kept[1::2]

    def remaining(self, now: float | None = None) -> float | None:
        """Seconds until progress 1, as of ``now`` on the same clock (default: the latest report). None: unknown."""
        if self._last is None:
            return None
        last_time, last = self._last
        if last >= 1.0:
            return 0.0
        reports = self._kept if self._kept[-1] == self._last else [*self._kept, self._last]
        if len(reports) >= 8:
            reports = reports[len(reports) // 2 :]
        rate = _seconds_for_all(reports)
        if rate is None:
            return None
        seconds = (1.0 - last) * rate
        if now is not None:
            seconds -= max(0.0, now - last_time)
        return max(0.0, seconds)


def _seconds_for_all(reports: list[tuple[float, float]]) -> float | None:
    """What progress from 0 to 1 takes: the trimmed mean over the stretches between reports; None without progress."""
    stretches = [(later[0] - earlier[0], later[1] - earlier[1]) for earlier, later in pairwise(reports)]
    moved = sorted((stretch for stretch in stretches if stretch[1] > 0), key=lambda stretch: stretch[0] / stretch[1])
    trimmed = int(len(moved) * _TRIM)
    kept = moved[trimmed : len(moved) - trimmed]
    if len(moved) < len(stretches):  # time that passed without progress belongs to the rate as well
        kept += [stretch for stretch in stretches if stretch[1] <= 0]
    seconds, progress = sum(stretch[0] for stretch in kept), sum(stretch[1] for stretch in kept)
    return seconds / progress if progress > 0 and seconds > 0 else None
