"""Which part of an epoch is this process's, where several train on one dataset."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.errors import shown

__all__ = ["Shard", "check_shard", "shard_here", "shard_of", "shard_size"]

Shard = tuple[int, int]  # number i of n


def shard_here() -> Shard:
    """torch.distributed's rank and world size if it is initialised, else those in RANK and WORLD_SIZE, else (0, 1).

    Raises:
        ValueError: the two variables are set, and to something else than a rank and a size.
    """
    # Looked up, not imported: whoever has initialised it has imported it.
    distributed: Any = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    rank, size = os.environ.get("RANK"), os.environ.get("WORLD_SIZE")
    if rank is None or size is None:
        return 0, 1
    try:
        return check_shard((int(rank), int(size)))
    except ValueError:
        raise ValueError(
            f"the environment has RANK={rank!r} and WORLD_SIZE={size!r}: expected 0 <= RANK < WORLD_SIZE; "
            "unset them, or say shard=(0, 1) for all of the data"
        ) from None


def check_shard(value: Any) -> Shard:
    """``value`` as (i, n) with 0 <= i < n.

    Raises:
        TypeError, ValueError: it is none.
    """
    expected = f"shard={shown(value)}: expected (i, n), number i of n with 0 <= i < n"
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(expected)
    if any(isinstance(part, bool) or not isinstance(part, int | np.integer) for part in value):
        raise TypeError(expected)
    number, count = map(int, value)
    if not 0 <= number < count:
        raise ValueError(expected)
    return number, count


def shard_size(length: int, count: int, drop_last: bool) -> int:
    """How many of ``length`` samples each of ``count`` shards has: all the same number, see `shard_of`."""
    return length // count if drop_last else -(-length // count)


def shard_of(order: npt.NDArray[np.int64], shard: Shard, drop_last: bool) -> npt.NDArray[np.int64]:
    """Every n-th of ``order`` from the i-th on, so that batch k of all shards is the k-th large batch.

    All shards have equally many, as their processes wait for each other at every step. What is left over is
    left out with ``drop_last``; without it, the beginning of ``order`` comes once more, so that up to n - 1
    samples are seen twice and none is missed.
    """
    number, count = shard
    total = shard_size(len(order), count, drop_last) * count
    return np.ascontiguousarray(np.resize(order, total)[number::count])
