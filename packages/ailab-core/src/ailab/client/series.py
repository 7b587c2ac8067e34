"""The numbers of runs, as NumPy arrays."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from ailab.client.connection import Connection, Query, ServerError, quoted
from ailab.client.types import Curve, Series

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["SeriesCalls"]


class SeriesCalls(Connection):
    """What a `Client` can ask about metrics."""

    def series(self, run: str, metric: str, points: int = 20_000) -> Series:
        """All values of a metric of a run; with more than ``points`` (4 to 20,000), so many with every peak among them.

        Raises:
            ServerError: status 404 if the run has no such metric.
        """
        query: Query = {"metric": metric, "points": points}
        with self._opened("GET", f"/runs/{quoted(run)}/series", query=query) as answer:
            ((entry, (steps, times, values)),) = _decoded(answer.read(), 3)
        return {"steps": steps, "times": times, "values": values, "total": entry["total"], "reduced": entry["reduced"]}

    def compare(
        self,
        runs: Sequence[str],
        metrics: Sequence[str],
        points: int = 1_000,
        x: Literal["step", "time", "relative"] = "step",
        low: float | None = None,
        high: float | None = None,
    ) -> list[Curve]:
        """Some metrics of up to a thousand runs, each against ``x``; what is not there is left out.

        Args:
            points: at most so many of each, with every peak among them.
            x: the step, the time in seconds since the epoch, or the seconds since the run's first number.
            low, high: only from here to there, in units of ``x``, and one more point on either side.
        """
        question = {"runs": list(runs), "metrics": list(metrics), "points": points, "x": x, "low": low, "high": high}
        with self._opened("POST", "/series", question) as answer:
            found = _decoded(answer.read(), 2)
        return [
            {"run": entry["run"], "metric": entry["metric"], "x": x_, "values": values, "total": entry["total"],
             "reduced": entry["reduced"]}
            for entry, (x_, values) in found
        ]  # fmt: skip


def _decoded(body: bytes, rows: int) -> list[tuple[dict[str, Any], list[npt.NDArray[np.float64]]]]:
    """The entries of a binary answer (docs/api.md, "Series"), each with its arrays, which may be changed."""
    import numpy as np

    try:
        begin = 4 + int.from_bytes(body[:4], "little")
        entries = json.loads(body[4:begin])["series"]
        numbers = np.frombuffer(body, "<f8", offset=begin).astype(np.float64)
        found, used = [], 0
        for entry in entries:
            count = int(entry["count"])
            arrays = [numbers[used + row * count : used + (row + 1) * count] for row in range(rows)]
            if any(len(array) != count for array in arrays):
                raise ValueError("it is cut")
            found.append((entry, arrays))
            used += rows * count
    except (ValueError, KeyError, TypeError) as error:
        raise ServerError(f"the server's answer is no series: {error}") from None
    return found
