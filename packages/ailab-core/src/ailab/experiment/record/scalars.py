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
_BLOCK = 8_192
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
    # 2**64 is 1 modulo 2**32 - 1, so the sum of the four 64-bit words is congruent to that of the eight 32-bit ones if
    # each overflow is carried to the front. In blocks that stay in the cache this takes half the time of a sum by rows.
    words = np.ascontiguousarray(records).view("<u8").reshape(-1, SIZE // 8)
    good = np.empty(len(words), bool)
    space = min(_BLOCK, len(words))
    totals, parts, flags = np.empty(space, np.uint64), np.empty(space, np.uint64), np.empty(space, bool)
    for start in range(0, len(words), _BLOCK):
        block = words[start : start + _BLOCK]
        n = len(block)
        total, part, flag, result = totals[:n], parts[:n], flags[:n], good[start : start + n]
        total[:] = block[:, 0]
        for column in range(1, SIZE // 8):
            np.add(total, block[:, column], out=total)
            np.less(total, block[:, column], out=flag)
            total += flag
        np.right_shift(total, np.uint64(32), out=part)
        total &= np.uint64(_MODULUS)
        total += part  # at most 2 * _MODULUS: the remainder is what it was, or _MODULUS less
        np.equal(total, np.uint64(_SUM), out=result)
        np.equal(total, np.uint64(_SUM + _MODULUS), out=flag)
        result |= flag
    return good
