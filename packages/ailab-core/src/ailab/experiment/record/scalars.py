"""The fixed-width form of a logged number: 32 bytes, little-endian, each with its own check.

The check makes the record's eight 32-bit words sum to ``_SUM`` modulo 2**32 - 1. That catches every single flipped bit,
a half-written
record and the zeros that NFS shows for a moment, costs one big-integer operation to write (a CRC-32 would do as well
there), and, what a CRC
does not offer, is one vectorised sum to verify over millions of records.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["RECORD", "SIZE", "pack", "valid"]

RECORD = np.dtype([("metric", "<u4"), ("check", "<u4"), ("step", "<i8"), ("time", "<f8"), ("value", "<f8")])
SIZE = RECORD.itemsize

_SUM = 0xA11AB
_MODULUS = 2**32 - 1
_AT_ONCE = 16_384  # records: half a megabyte, which stays in a processor's cache for all eight columns
_pack = struct.Struct("<IIqdd").pack


def pack(metric: int, step: int, time: float, value: float) -> bytes:
    """One record. ``step`` must fit 64 signed bits and ``metric`` 32 unsigned ones (struct.error otherwise)."""
    # A little-endian number of 32-bit digits is congruent to the sum of its digits modulo 2**32 - 1.
    rest = int.from_bytes(_pack(metric, 0, step, time, value), "little")
    return _pack(metric, (_SUM - rest) % _MODULUS, step, time, value)


def valid(records: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which of the records are whole: a boolean for each.

    Args:
        records: shape (n,), dtype ``RECORD``.
    """
    words = np.ascontiguousarray(records).view("<u4").reshape(-1, SIZE // 4)
    if len(words) < 1_000:  # one call is quicker then than eight
        few: npt.NDArray[np.bool_] = words.sum(axis=1, dtype=np.uint64) % np.uint64(_MODULUS) == np.uint64(_SUM)
        return few
    good = np.empty(len(records), np.bool_)
    for start in range(0, len(words), _AT_ONCE):
        block = words[start : start + _AT_ONCE]
        total = block[:, 0].astype(np.uint64)
        for column in range(1, SIZE // 4):
            total += block[:, column]
        good[start : start + _AT_ONCE] = (total % np.uint64(_MODULUS)) == np.uint64(_SUM)
    return good
