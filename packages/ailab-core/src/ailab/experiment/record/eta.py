"""How much longer a run takes, from the progress it reported."""

from __future__ import annotations

from collections import deque

__all__ = ["EtaEstimator"]


class EtaEstimator:
    """Remaining seconds at the rate of the latest reports.

    Only the last half of what is remembered counts, so a slow start (imports, the first epoch's caches) is forgotten.
    """

    def __init__(self, remember: int = 64) -> None:
        self._reports: deque[tuple[float, float]] = deque(maxlen=remember)

    def add(self, time: float, progress: float) -> None:
        """Take in a report: seconds on any clock, progress 0..1.

        One that goes backwards starts anew (a second phase, say).
        """
        if self._reports and (progress < self._reports[-1][1] or time < self._reports[-1][0]):
            self._reports.clear()
        self._reports.append((time, progress))

    def remaining(self, now: float | None = None) -> float | None:
        """Seconds until progress 1, as of ``now`` on the same clock (default: the latest report). None: unknown."""
        if not self._reports:
            return None
        last_time, last = self._reports[-1]
        if last >= 1.0:
            return 0.0
        reports = list(self._reports)
        first_time, first = reports[len(reports) // 2] if len(reports) >= 8 else reports[0]
        if last <= first or last_time <= first_time:
            return None
        seconds = (1.0 - last) * (last_time - first_time) / (last - first)
        if now is not None:
            seconds -= max(0.0, now - last_time)
        return max(0.0, seconds)
