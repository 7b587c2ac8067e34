"""The path of every logged number: from a float to 32 bytes in the kernel's hands, in about a microsecond."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from ailab.experiment.record.append import AppendFile
from ailab.experiment.record.packing import MODULUS, SIZE, SUM, body, number, record

__all__ = ["Append", "AppendMany", "Converters", "Keys", "Series", "appender", "batch_appender"]

Append = Callable[["Series", float, int | None], None]
AppendMany = Callable[["Keys", "Mapping[str, Any]", int | None, "Converters"], bool]
Converters = Mapping[type, Callable[[Any], float]]
"""How a value of a type becomes a number of Python; float itself is not among them."""


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


class Keys:
    """What the keys of a dict of values stand for, so that no name is put together or looked at twice.

    Attributes:
        series: key to the metric whose value it has.
        below: key to the same of the dict that it has.
    """

    __slots__ = ("below", "series")

    def __init__(self, series: dict[str, Series] | None = None) -> None:
        self.series = {} if series is None else series
        self.below: dict[str, Keys] = {}

    def clear(self) -> None:
        """Forget everything."""
        self.series.clear()
        self.below.clear()


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
            file.write(data)
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

    ``append(keys, values, step, converters)`` takes what the keys of a dict stand for, the dict, one step for all
    (None: each series' next), and what makes floats of other values. False: a number that is not finite has to be told
    of, or a metric stands there twice; nothing was written. It raises KeyError for a key or type that is not known,
    struct.error for a step beyond 64 bits and whatever a converter raises, and has then written nothing either.
    """
    pack, pack_body, pack_number, to_int, modulus = record, body, number, int.from_bytes, MODULUS
    gate, fd, write = file.gate, file.fd, os.write

    def append(keys: Keys, values: Mapping[str, Any], step: int | None, converters: Converters) -> bool:
        now = clock()
        shared, base = step, 0
        if step is not None:
            # The words that all the records have in common are added up once.
            base = to_int(pack_body(step, now, 0.0), "little") % modulus
        parts, used = [], []
        dicts = [(keys, values)]
        for keys, values in dicts:  # to which those inside them are added
            known = keys.series
            for name, value in values.items():
                if type(value) is not float:
                    if type(value) is dict:
                        dicts.append((keys.below[name], value))
                        continue
                    value = converters[type(value)](value)
                series = known[name]
                if value - value != 0.0 and not series.flagged:
                    return False
                if shared is None:
                    step = series.last + 1
                    base = to_int(pack_body(step, now, 0.0), "little")
                check = (series.rest - base - to_int(pack_number(value), "little")) % modulus
                parts.append(pack(series.metric, check, step, now, value))
                used.append(series)
        if len(dicts) > 1 and len(set(used)) != len(used):
            return False  # {"a": {"b": 1.0}, "a/b": 2.0}
        for series in used:
            series.last = series.last + 1 if shared is None else shared
        data = b"".join(parts)
        if gate:
            file.write(data)
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
