from __future__ import annotations

import gc
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ailab.data.batches import BatchLoader, map_arrays
from ailab.data.engine import arena, memory
from ailab.data.engine import shelf as shelf_module
from ailab.data.engine.pool import Pool
from ailab.data.engine.shelf import Shelf
from ailab.data.engine.stream import PoolStream, ThreadStream
from ailab.testing.samples import STRUCTURES, Made, assert_same
from core.data.engine.helpers import Records, Simple, alive, keys_of, wait_for


def pooled(loader: BatchLoader, workers: int = 2, epoch: int = 0, **arguments: Any) -> PoolStream:
    return PoolStream(Pool(loader.load, workers, **arguments), keys_of(loader, epoch))


@pytest.mark.parametrize("name", sorted(STRUCTURES))
@pytest.mark.parametrize("workers", [1, 3])
def test_batches_are_those_of_one_process(name: str, workers: int) -> None:
    loader = BatchLoader(Made(STRUCTURES[name], 50), 4, seed=3)
    assert_same(tuple(pooled(loader, workers)), tuple(loader))


@pytest.mark.parametrize("context", ["fork", "spawn", "forkserver"])
def test_any_way_to_start(context: str) -> None:
    for dataset in (Simple(), Records()):
        loader = BatchLoader(dataset, 4)
        assert_same(tuple(pooled(loader, context=context)), tuple(loader))


@pytest.mark.parametrize("threads", [2, 5])
@pytest.mark.parametrize("length", [1, 40])
def test_threads(threads: int, length: int) -> None:
    loader = BatchLoader(Simple(length), 9)
    assert_same(tuple(ThreadStream(loader.load, keys_of(loader), threads, 9)), tuple(loader))
    loader.set_epoch(0)
    assert_same(tuple(pooled(loader, threads=threads, concurrent=3)), tuple(loader))


LEAVES = st.sampled_from([np.float32, np.int8, np.complex128, np.bool_, "U3", "M8[s]"])
SHAPES = st.lists(st.tuples(st.lists(st.integers(0, 3), max_size=3), LEAVES), min_size=1, max_size=4)


@settings(deadline=None, max_examples=20)
@given(leaves=SHAPES, length=st.integers(1, 9), batch_size=st.integers(1, 4))
def test_any_shapes_and_dtypes(leaves: Any, length: int, batch_size: int) -> None:
    def sample(index: int) -> Any:
        return tuple(np.full(shape, index % 2).astype(dtype) for shape, dtype in leaves), {"i": index}

    loader = BatchLoader(Made(sample, length), batch_size)
    assert_same(tuple(pooled(loader)), tuple(loader))


def test_a_consumer_may_keep_everything() -> None:
    loader = BatchLoader(Simple(200), 2)
    kept = list(pooled(loader))
    assert_same(tuple(kept), tuple(loader))


def test_memory_is_used_again_and_never_while_it_is_referred_to() -> None:
    loader = BatchLoader(Simple(400), 4)
    pool = Pool(loader.load, 2)
    views, expected, used = [], [], set()
    for number, (features, _) in enumerate(PoolStream(pool, keys_of(loader), keep=True)):
        used.add(features["x"].__array_interface__["data"][0])
        if number % 10 == 0:
            views.append(features["x"][1:, 0])
            expected.append(features["x"][1:, 0].tolist())
    assert len(used) < 40
    assert [view.tolist() for view in views] == expected
    pool.close()
    assert [view.tolist() for view in views] == expected


def test_a_pool_serves_one_epoch_after_the_other() -> None:
    loader = BatchLoader(Simple(), 4)
    pool = Pool(loader.load, 2)
    abandoned = PoolStream(pool, keys_of(loader, 7), keep=True)
    next(abandoned)
    abandoned.close()
    pids = pool.pids
    for epoch in range(3):
        assert_same(tuple(PoolStream(pool, keys_of(loader, epoch), keep=True)), tuple(loader))
    assert pool.pids == pids
    assert pool.size < 100 * 4096
    pool.close()


def test_the_next_workers_use_the_memory_of_those_before() -> None:
    def mapped() -> int:
        return Path("/proc/self/maps").read_text().count("ailab-batches")

    loader = BatchLoader(Simple(400), 4)
    shelf = Shelf()
    kept = []
    for epoch in range(3):
        stream = PoolStream(Pool(loader.load, 2, context="fork", shelf=shelf), keys_of(loader, epoch))
        assert len(shelf) == 0
        second = PoolStream(Pool(loader.load, 2, context="fork"), keys_of(loader, epoch))
        batches = [next(stream) for _ in range(30)]
        kept.append((batches[-1], loader.load(loader.indices(29, epoch), epoch)))
        assert_same(tuple(batches), tuple(next(second) for _ in range(30)))
        del batches, second
        stream.close()
        assert len(shelf) == 2
        if epoch == 0:
            maps = mapped()
    assert mapped() <= maps + 2  # a slot for each further batch that is kept
    for found, expected in kept:
        assert_same(found, expected)


def test_memory_that_nobody_takes_over_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf_module, "KEPT", 0.05)
    loader = BatchLoader(Simple(400), 4)
    shelf = Shelf()
    list(PoolStream(Pool(loader.load, 2, context="fork", shelf=shelf), keys_of(loader)))
    wait_for(lambda: len(shelf) == 0)


def varied(indices: Any, epoch: int) -> Any:
    """Batches of very different sizes."""
    return {"x": np.arange(10 ** (indices[0] % 6)) + epoch}, np.array(indices)


def test_batches_of_varying_size() -> None:
    keys = [(1, [number]) for number in range(30)]
    got = tuple(PoolStream(Pool(varied, 2), keys))
    assert_same(got, tuple(varied(indices, 1) for _, indices in keys))


def test_large_tasks_do_not_fill_the_pipes() -> None:
    keys = [(0, list(range(number, 200_000 + number))) for number in range(6)]
    got = [int(first[0]) for first in PoolStream(Pool(lambda indices, epoch: np.array(indices[:1]), 1), keys)]
    assert got == list(range(6))


@pytest.mark.parametrize("kind", [Simple, Records])
def test_without_shared_memory_batches_are_copied(kind: type[Simple], monkeypatch: pytest.MonkeyPatch) -> None:
    def none(size: int) -> int:
        raise memory.NoSharedMemory("it is all gone")

    monkeypatch.setattr(arena, "create", none)  # the workers are forked from here
    loader = BatchLoader(kind(), 4)
    with pytest.warns(RuntimeWarning, match="pipes instead of shared memory, which is slower: it is all gone"):
        got = tuple(pooled(loader, context="fork"))
    assert_same(got, tuple(loader))


def test_no_array_is_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    loader = BatchLoader(Simple(), 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for features, _ in pooled(loader):
            base = features["x"].base
            while isinstance(base, np.ndarray):
                base = base.base
            assert type(base).__name__ == "Lease"
            break


def test_the_work_begins_before_the_first_batch_is_asked_for(tmp_path: Path) -> None:
    def load(indices: Any, epoch: int) -> Any:
        (tmp_path / str(indices[0])).touch()
        return np.array(indices)

    stream = PoolStream(Pool(load, 2, context="fork", prefetch=3), [(0, [number]) for number in range(50)])
    wait_for(lambda: len(list(tmp_path.iterdir())) == 6)
    next(stream)
    wait_for(lambda: len(list(tmp_path.iterdir())) == 7)  # and no further than that
    stream.close()


def test_a_timeout() -> None:
    stop = threading.Event()
    pool = Pool(lambda indices, epoch: stop.wait(60), 1, context="fork")
    with pytest.raises(RuntimeError, match="timed out after 0.05 seconds"):
        next(PoolStream(pool, [(0, [1])], timeout=0.05))
    assert not any(alive(pid) for pid in pool.pids)


def test_threads_end_with_their_stream() -> None:
    loader = BatchLoader(Simple(), 4)
    stream = ThreadStream(loader.load, keys_of(loader), 4, 4)
    next(stream)
    del stream
    gc.collect()
    wait_for(
        lambda: not any(thread.name.startswith(("ailab-batches", "ailab-samples")) for thread in threading.enumerate())
    )


def test_an_error_in_a_thread_arrives_as_itself() -> None:
    def sample(index: int) -> Any:
        raise FileNotFoundError(2, "no such scan", "scan.png")

    loader = BatchLoader(Made(sample), 4, shuffle=False)
    with pytest.raises(FileNotFoundError) as caught:
        list(ThreadStream(loader.load, keys_of(loader), 2, 4))
    assert caught.value.__notes__ == ["while reading sample 0 of Made"]


def test_samples_wait_together() -> None:
    together = threading.Barrier(4, timeout=30)  # broken unless four samples of a batch are read at a time

    def sample(index: int) -> Any:
        together.wait()
        return {"x": 1.0}, index

    loader = BatchLoader(Made(sample, 32), 32, shuffle=False)
    (batch,) = ThreadStream(loader.load, keys_of(loader), 4, 32)
    assert batch[1].tolist() == list(range(32))


def test_many_threads_read_several_batches_together() -> None:
    reading: set[int] = set()
    together = threading.Event()

    def sample(index: int) -> Any:
        reading.add(threading.get_ident())
        if len(reading) == 6:  # more than a batch has samples
            together.set()
        assert together.wait(30)
        return {"x": 1.0}, index

    loader = BatchLoader(Made(sample, 48), 2, shuffle=False)
    assert len(list(ThreadStream(loader.load, keys_of(loader), 6, 2))) == 24


def test_what_a_batch_is_made_of_can_be_written_to() -> None:
    loader = BatchLoader(Simple(), 4)
    for batch in pooled(loader):
        map_arrays(lambda array: array.__setitem__(..., array.dtype.type(0)), batch)
