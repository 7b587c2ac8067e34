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


def valid(records: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which of the records are whole: a boolean for each.

    Args:
        records: shape (n,), dtype ``RECORD``.
    """
    words = np.ascontiguousarray(records).view("<u4").reshape(-1, SIZE // 4)
    total: npt.NDArray[np.uint64] = words.sum(axis=1, dtype=np.uint64)
    good: npt.NDArray[np.bool_] = (total % np.uint64(_MODULUS)) == np.uint64(_SUM)
    return good
