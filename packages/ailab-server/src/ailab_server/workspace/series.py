"""Series on the wire.

Reduced to what a chart can show, as float64 arrays behind a small header (docs/api.md).
"""

import json
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

__all__ = ["FEWEST", "MOST", "Axis", "NoSuchMetric", "encode", "encode_many", "part", "reduce"]

FEWEST, MOST = 4, 20_000

Axis = Literal["step", "time", "relative"]
Floats = npt.NDArray[np.float64]


class NoSuchMetric(LookupError):
    """The run has no metric of this name."""

    def __str__(self) -> str:
        return json.dumps(str(self.args[0])[:100])


def reduce(series: Floats, points: int) -> Floats:
    """At most ``points`` (at least 4) of ``series``, shape (rows, n), the values in its last row, in their order.

    The series is cut into buckets of equal length; of each stays the minimum and the maximum, and of the
    whole the first and the last. So peaks survive and a running curve ends where it is. A bucket with nothing
    but NaN keeps one of them, which a chart shows as a gap.
    """
    n = series.shape[1]
    if n <= points:
        return series
    buckets = (points - 2) // 2
    width = -(-n // buckets)
    whole = n // width
    values = series[-1]
    table = values[: whole * width].reshape(whole, width)
    chosen = [_extremes(table, np.arange(whole) * width), np.array([0, n - 1])]
    if whole * width < n:
        chosen.append(_extremes(values[whole * width :][np.newaxis], np.array([whole * width])))
    return series[:, np.unique(np.concatenate(chosen))]


def _extremes(table: Floats, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where, from ``starts`` on, each row of ``table`` has its minimum and its maximum."""
    lowest, highest = table.argmin(axis=1), table.argmax(axis=1)
    # Both stop at a NaN; rows that have one are looked at again without.
    missing = np.flatnonzero(np.isnan(table[np.arange(len(table)), lowest]))
    if len(missing):
        rows = table[missing]
        nan = np.isnan(rows)
        lowest[missing] = np.where(nan, np.inf, rows).argmin(axis=1)
        highest[missing] = np.where(nan, -np.inf, rows).argmax(axis=1)
    return np.concatenate((starts + lowest, starts + highest))


def part(series: Floats, axis: Axis, start: float, low: float | None, high: float | None) -> Floats:
    """The part of ``series`` (steps, times, values; shape (3, n)) that a chart from ``low`` to ``high`` shows.

    Args:
        axis: what x is: the step, the time, or the time since ``start``.
        low, high: in units of ``axis``, None: no limit. The point before and the one after stay, so that the curve
            runs to the chart's edges.

    Returns:
        x and values, shape (2, m), x in order.
    """
    x = series[0 if axis == "step" else 1]
    if axis == "relative":
        with np.errstate(invalid="ignore"):
            x = x - start
    values = series[2]
    if axis != "step" and (x[1:] < x[:-1]).any():
        order = x.argsort(kind="stable")
        x, values = x[order], values[order]
    first = 0 if low is None else max(0, int(x.searchsorted(low, "left")) - 1)
    last = len(x) if high is None else int(x.searchsorted(high, "right")) + 1
    return np.stack((x[first:last], values[first:last]))


def encode(series: dict[str, Floats], points: int) -> bytes:
    """All ``series`` (metric → steps, times, values) of one run as the body of an answer."""
    return b"".join(_pieces((({"metric": metric}, values) for metric, values in series.items()), points))


def encode_many(series: Iterable[tuple[str, str, Floats]], points: int) -> list[bytes]:
    """Series of several runs (run, metric, x and values) as the pieces of an answer's body."""
    return _pieces((({"run": run, "metric": metric}, values) for run, metric, values in series), points)


def _pieces(series: Iterable[tuple[dict[str, Any], Floats]], points: int) -> list[bytes]:
    entries, arrays = [], []
    for entry, values in series:
        kept = reduce(values, points)
        count, total = kept.shape[1], values.shape[1]
        entries.append({**entry, "count": count, "total": total, "reduced": count < total})
        arrays.append(kept.astype("<f8", copy=False).tobytes())
    header = json.dumps({"series": entries}).encode()
    header += b" " * (-(4 + len(header)) % 8)
    return [len(header).to_bytes(4, "little"), header, *arrays]
