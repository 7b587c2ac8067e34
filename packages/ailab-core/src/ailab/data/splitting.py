"""Cutting a dataset in two, so that the cut stays where it is when the dataset grows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.data.batches.checks import check_whole
from ailab.data.parts import Subset
from ailab.errors import shown

__all__ = ["split"]


def split(dataset: Any, fraction: float, *, seed: int = 0) -> tuple[Subset, Subset]:
    """Two subsets with about ``fraction`` of the samples and the others, each in the dataset's order.

    Which side a sample falls on is decided by a hash of (seed, index) alone. So samples that are appended to
    the dataset later never move an old one to the other side, and a larger fraction only adds samples to the
    first. The price: the sizes are not exact (of n samples the first side has n · fraction, give or take
    about √(n · fraction · (1 - fraction))), and one side of a very small dataset may be empty.

    Args:
        dataset: anything with ``__len__`` and ``__getitem__``, new samples appended at its end.
        fraction: 0 .. 1, exclusively.
        seed: 0 .. 2**64 - 1; another seed, another cut.

    Raises:
        TypeError, ValueError: ``fraction`` or ``seed`` is none of these.
    """
    if isinstance(fraction, bool) or not isinstance(fraction, int | float | np.floating):
        raise TypeError(f"fraction={shown(fraction)}: expected a number between 0 and 1")
    if not 0 < fraction < 1:
        raise ValueError(f"fraction={shown(fraction)}: expected a number between 0 and 1, like 0.8")
    check_whole(seed, "seed")
    hashes = _mix(np.arange(len(dataset), dtype=np.uint64) + _mix(np.array([seed], np.uint64)))
    first = hashes < np.uint64(int(float(fraction) * 2**64))
    return Subset(dataset, np.flatnonzero(first)), Subset(dataset, np.flatnonzero(~first))


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014), modulo 2**64."""
    z = values + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
