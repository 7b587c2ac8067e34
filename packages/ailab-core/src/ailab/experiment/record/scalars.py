"""The fixed-width form of logged numbers, as NumPy sees them: 32 bytes, little-endian, each with its own check."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.experiment.record.packing import MODULUS as _MODULUS
from ailab.experiment.record.packing import SIZE as SIZE
from ailab.experiment.record.packing import SUM as _SUM
from ailab.experiment.record.packing import pack as pack

__all__ = ["RECORD", "SIZE", "pack", "valid"]

RECORD = np.dtype([("metric", "<u4"), ("check", "<u4"), ("step", "<i8"), ("time", "<f8"), ("value", "<f8")])

_WORD = np.dtype("<u4")
_ONES = np.ones(SIZE // 4)
_BLOCK = 8_192
_FEW = 1_000  # records: one call is quicker then than many


def valid(records: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which of the records are whole: a boolean for each.

    Args:
        records: shape (n,), dtype ``RECORD``.
    """
    if len(records) < _FEW:
        digits = np.ascontiguousarray(records).view(_WORD).reshape(-1, SIZE // 4)
        # Eight numbers below 2**32 add up exactly in a float64, and a product of matrices is the quickest sum.
        few: npt.NDArray[np.bool_] = np.fmod(digits.astype(np.float64) @ _ONES, _MODULUS) == _SUM
        return few
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
