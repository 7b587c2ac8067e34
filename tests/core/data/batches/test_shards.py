from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ailab.data.batches import BatchLoader
from ailab.data.batches.shards import shard_here
from ailab.testing.samples import STRUCTURES, Made

ARRAYS = Made(STRUCTURES["arrays"])


def orders(length: int, count: int, **arguments: Any) -> list[list[int]]:
    loaders = [BatchLoader(range(length), shard=(i, count), **arguments) for i in range(count)]
    assert len({len(loader) for loader in loaders}) == 1
    assert len({tuple(map(len, loader)) for loader in loaders}) == 1
    return [loader.order(2).tolist() for loader in loaders]


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 5), st.booleans())
def test_none_is_missed_and_the_rest_is_filled_up(length: int, count: int, batch_size: int, shuffle: bool) -> None:
    parts = orders(length, count, batch_size=batch_size, shuffle=shuffle)
    everything = sorted(index for part in parts for index in part)
    assert set(everything) == set(range(length))
    assert len(everything) - length == -length % count < count
    if length >= count:
        assert max(np.bincount(everything)) <= 2


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 5))
def test_disjoint_with_drop_last(length: int, count: int, batch_size: int) -> None:
    if length // count < batch_size:
        with pytest.raises(ValueError, match=r"leaves no batch" + (rf".*, {count} shards" if count > 1 else "")):
            orders(length, count, batch_size=batch_size, drop_last=True)
        return
    parts = orders(length, count, batch_size=batch_size, drop_last=True)
    everything = [index for part in parts for index in part]
    assert len(set(everything)) == len(everything) == length // count * count


def test_together_they_are_the_batches_of_one_large_loader() -> None:
    large = BatchLoader(range(24), 12, seed=4)
    parts = [BatchLoader(range(24), 4, seed=4, shard=(i, 3)) for i in range(3)]
    for number in range(2):
        together = sorted(index for part in parts for index in part.indices(number))
        assert together == sorted(large.indices(number))


def test_one_shard_is_all() -> None:
    assert BatchLoader(ARRAYS, 4, shard=(0, 1)).order(0).tolist() == BatchLoader(ARRAYS, 4).order(0).tolist()


def test_a_state_is_good_for_all_ranks_but_not_for_another_number_of_them() -> None:
    loader = BatchLoader(ARRAYS, 2, shard=(0, 2))
    next(iter(loader))
    other = BatchLoader(ARRAYS, 2, shard=(1, 2))
    other.load_state_dict(loader.state_dict())
    assert next(iter(other))[1].tolist() == other.indices(1, 0)
    with pytest.raises(ValueError, match="shards=2, here 1"):
        BatchLoader(ARRAYS, 2).load_state_dict(loader.state_dict())


def test_the_default_is_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shard_here() == (0, 1)
    monkeypatch.setenv("RANK", "2")
    assert shard_here() == (0, 1)
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert shard_here() == BatchLoader(ARRAYS, 4).shard == (2, 3)
    assert BatchLoader(ARRAYS, 4, shard=(0, 1)).shard == (0, 1)
    for wrong in ("2", "x", "0"):
        monkeypatch.setenv("WORLD_SIZE", wrong)
        with pytest.raises(ValueError, match=rf"RANK='2' and WORLD_SIZE='{wrong}'.*shard=\(0, 1\)"):
            shard_here()


@pytest.mark.parametrize("initialised", [True, False])
def test_torch_distributed_comes_first(initialised: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = SimpleNamespace(
        is_available=lambda: True,
        is_initialized=lambda: initialised,
        get_rank=lambda: 1,
        get_world_size=lambda: 4,
    )
    monkeypatch.setitem(sys.modules, "torch.distributed", distributed)  # type: ignore[arg-type]
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert shard_here() == ((1, 4) if initialised else (0, 2))


@pytest.mark.parametrize(
    ("shard", "error"),
    [((2, 2), ValueError), ((-1, 2), ValueError), ((0, 0), ValueError), (3, TypeError), ((0.0, 1), TypeError),
     ((False, 1), TypeError), ((0, 1, 2), TypeError)],
)  # fmt: skip
def test_a_wrong_shard_is_refused(shard: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"shard=.*expected \(i, n\)"):
        BatchLoader(ARRAYS, 4, shard=shard)
