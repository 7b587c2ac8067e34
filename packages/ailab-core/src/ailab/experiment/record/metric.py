"""The path of every logged number: from a float to 32 bytes in the kernel's hands, in about a microsecond."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from ailab.experiment.record.append import AppendFile
from ailab.experiment.record.packing import MODULUS, SIZE, SUM, body, number, record

__all__ = ["Append", "AppendMany", "Series", "appender", "batch_appender"]

Append = Callable[["Series", float, int | None], None]
AppendMany = Callable[["Mapping[str, Series]", "Mapping[str, Any]", int | None], bool]


class Series:
    """A metric of one writer: what must be known to write its next number.

    Attributes:
        metric: the id.
        rest: what the check must add up to besides the record's body.
        last: the step last given.
        primary: whether the metric was logged as primary.
        flagged: whether it was told already that a number was not finite.
        write: ``series.write(series, value, step)`` appends a number; ``step`` None means the next. It raises
            struct.error for a step that does not fit 64 signed bits, and has then changed nothing.
    """

    __slots__ = ("flagged", "last", "metric", "name", "primary", "rest", "write")

    def __init__(self, name: str, metric: int, primary: bool, last: int, write: Append) -> None:
        self.name = name
        self.metric = metric
        self.rest = SUM - metric
        self.last = last
        self.primary = primary
        self.flagged = False
        self.write = write


# The functions below are closures over locals and spell the record out instead of calling `packing.pack`: at a million
# numbers a second every look-up and every call shows. They take no lock. Records are all of one size, and a file system
# takes an aligned one of 32 bytes whole or not at all; a size limit may cut one, and then takes nothing of the next.


def appender(file: AppendFile, clock: Callable[[], float]) -> Append:
    """A function that appends a number to ``file``: `Series.write`. It never raises OSError."""
    pack, pack_body, to_int, modulus, size = record, body, int.from_bytes, MODULUS, SIZE
    gate, fd, write = file.gate, file.fd, os.write

    def append(series: Series, value: float, step: int | None) -> None:
        if step is None:
            step = series.last + 1
        now = clock()
        data = pack(
            series.metric, (series.rest - to_int(pack_body(step, now, value), "little")) % modulus, step, now, value
        )
        series.last = step
        if gate:
            file.refused(data)
            return
        try:
            written = write(fd, data)
        except OSError as error:
            file.refused(data, error)
            return
        if written != size:
            file.refused(data[written:], begun=written > 0)

    return append


def batch_appender(file: AppendFile, clock: Callable[[], float]) -> AppendMany:
    """A function that appends several numbers to ``file`` with one call of the kernel.

    ``append(known, values, step)`` takes the series by name, the numbers by name, and one step for all, or None for
    each series' next. False: one of the values is no finite Python float; nothing was written. It raises KeyError for
    a name that is not known and struct.error for a step beyond 64 bits, and has then written nothing either.
    """
    pack, pack_body, pack_number, to_int, modulus = record, body, number, int.from_bytes, MODULUS
    gate, fd, write = file.gate, file.fd, os.write

    def append(known: Mapping[str, Series], values: Mapping[str, Any], step: int | None) -> bool:
        now = clock()
        shared, base = step, 0
        if step is not None:
            # The words that all the records have in common are added up once.
            base = to_int(pack_body(step, now, 0.0), "little") % modulus
        parts, used = [], []
        for name, value in values.items():
            if type(value) is not float or value - value != 0.0:
                return False
            series = known[name]
            if shared is None:
                step = series.last + 1
                base = to_int(pack_body(step, now, 0.0), "little")
            check = (series.rest - base - to_int(pack_number(value), "little")) % modulus
            parts.append(pack(series.metric, check, step, now, value))
            used.append(series)
        for series in used:
            series.last = series.last + 1 if shared is None else shared
        data = b"".join(parts)
        if gate:
            file.refused(data)
            return True
        try:
            written = write(fd, data)
        except OSError as error:
            file.refused(data, error)
            return True
        if written != len(data):
            file.refused(data[written:], begun=written > 0)
        return True

    return append
