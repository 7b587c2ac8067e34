"""The histograms of a run."""

from collections import Counter
from pathlib import Path
from typing import Any

from ailab_server.logged.events import Logged, latest
from ailab_server.models.logged import Histogram, HistogramList, HistogramName
from ailab_server.strict import number
from ailab_server.workspace.entry import Entry

__all__ = ["histograms"]

_MOST_BINS = 10_000


def histograms(root: Path, entry: Entry, name: str | None, most: int) -> HistogramList:
    """The names there are; and of one name at most ``most`` histograms, evenly spaced, the first and last among them.

    Raises:
        OSError: the run's streams cannot be read.
    """
    found = latest(root, entry, "histogram")
    names = Counter(logged.name for logged in found)
    usable = [one for logged in found if logged.name == name and (one := _checked(logged)) is not None]
    if len(usable) > most:
        last = len(usable) - 1
        usable = [usable[round(place * last / max(1, most - 1))] for place in range(most)] if most > 1 else usable[-1:]
    return HistogramList(names=[HistogramName(name=name, count=count) for name, count in names.items()],
                         histograms=usable)  # fmt: skip


def _checked(logged: Logged) -> Histogram | None:
    edges, counts, nonfinite = (logged.fields.get(key) for key in ("edges", "counts", "nonfinite"))
    if not (isinstance(edges, list) and isinstance(counts, list) and 0 < len(counts) <= _MOST_BINS):
        return None
    if len(edges) != len(counts) + 1 or not all(map(_is_number, edges)) or not all(map(_is_count, counts)):
        return None
    return Histogram(
        name=logged.name,
        step=logged.step,
        time=logged.time,
        edges=[number(float(edge)) for edge in edges],
        counts=counts,
        nonfinite=nonfinite if isinstance(nonfinite, int) and _is_count(nonfinite) else 0,
    )


def _is_number(value: Any) -> bool:
    # An int is compared, not converted: JSON may hold one that no float can.
    return isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1e308)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
