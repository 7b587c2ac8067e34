"""Series on the wire.

Reduced to what a chart can show, as float64 arrays behind a small header (docs/api.md).
"""

import json
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["FEWEST", "MOST", "NoSuchMetric", "encode", "reduce"]

FEWEST, MOST = 4, 20_000
_FIELDS = ("step", "time", "value")


class NoSuchMetric(LookupError):
    """The run has no metric of this name."""

    def __str__(self) -> str:
        return json.dumps(str(self.args[0])[:100])


def reduce(values: npt.NDArray[Any], points: int) -> npt.NDArray[Any]:
    """At most ``points`` (at least 4) of ``values``, fields step, time, value, shape (n,), in their order.

    The series is cut into buckets of equal length; of each stays the minimum and the maximum, and of the
    whole the first and the last. So peaks survive and a running curve ends where it is. A bucket with nothing
    but NaN keeps one of them, which a chart shows as a gap.
    """
    n = len(values)
    if n <= points:
        return values
    buckets = (points - 2) // 2
    width = -(-n // buckets)
    column = np.full(buckets * width, np.nan)
    column[:n] = values["value"]
    table = column.reshape(buckets, width)
    missing = np.isnan(table)
    starts = np.arange(buckets) * width
    lowest = starts + np.where(missing, np.inf, table).argmin(axis=1)
    highest = starts + np.where(missing, -np.inf, table).argmax(axis=1)
    chosen = np.unique(np.concatenate((lowest, highest, [0, n - 1])))
    kept: npt.NDArray[Any] = values[chosen[chosen < n]]
    return kept


def encode(series: dict[str, npt.NDArray[Any]], points: int) -> bytes:
    """All ``series`` (metric → values) as the body of an answer."""
    entries = []
    arrays = []
    for metric, values in series.items():
        kept = reduce(values, points)
        entries.append({"metric": metric, "count": len(kept), "total": len(values), "reduced": len(kept) < len(values)})
        arrays += [kept[field].astype("<f8").tobytes() for field in _FIELDS]
    header = json.dumps({"series": entries}).encode()
    header += b" " * (-(4 + len(header)) % 8)
    return b"".join([len(header).to_bytes(4, "little"), header, *arrays])
