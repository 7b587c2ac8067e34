"""The path of every logged number: from a float to 32 bytes in the kernel's hands, in about a microsecond."""

from __future__ import annotations

import os
from collections.abc import Callable

from ailab.experiment.record.append import AppendFile
from ailab.experiment.record.packing import MODULUS, SIZE, SUM, body, record

__all__ = ["Append", "Series", "appender", "packer"]

Append = Callable[["Series", float, int | None], None]


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


# Both functions below are closures over locals and spell the record out instead of calling `packing.pack`: at a million
# numbers a second every look-up and every call shows.


def packer(clock: Callable[[], float]) -> Callable[[Series, float, int | None, float | None], bytes]:
    """A function that makes the next record of a series; ``step`` None means the series' next.

    It raises struct.error for a step that does not fit 64 signed bits, and has then changed nothing.
    """
    pack, pack_body, to_int, modulus = record, body, int.from_bytes, MODULUS

    def make(series: Series, value: float, step: int | None, now: float | None = None) -> bytes:
        if step is None:
            step = series.last + 1
        if now is None:
            now = clock()
        check = (series.rest - to_int(pack_body(step, now, value), "little")) % modulus
        made = pack(series.metric, check, step, now, value)
        series.last = step
        return made

    return make


def appender(file: AppendFile, clock: Callable[[], float]) -> Append:
    """A function that appends a number to ``file``; as `packer`, and never raises OSError.

    It takes no lock. Records are all of one size, and a file system takes an aligned one of 32 bytes whole or not at
    all; a size limit may cut one, and then takes nothing of the next.
    """
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
