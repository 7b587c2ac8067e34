from __future__ import annotations

import errno
import mmap
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ailab.data.engine import memory
from ailab.data.engine.memory import Memory, NoSharedMemory, available_memory, create
from ailab.data.engine.pool import Pool
from ailab.data.engine.stream import PoolStream
from ailab.testing.samples import assert_same


def test_two_mappings_show_the_same_bytes() -> None:
    descriptor = create(4096)
    one, two = Memory(descriptor, 4096), mmap.mmap(descriptor, 4096)
    os.close(descriptor)
    two[10] = 7
    assert one._map[10] == 7


def test_memory_has_no_name() -> None:
    before = set(Path("/dev/shm").iterdir())
    os.close(create(4096))
    assert set(Path("/dev/shm").iterdir()) <= before


@pytest.mark.parametrize("number", range(len(memory._MAKERS)))
def test_every_kind_of_memory(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_MAKERS", memory._MAKERS[number : number + 1])
    descriptor = create(8192)
    assert os.fstat(descriptor).st_size == 8192
    os.close(descriptor)


def test_what_does_not_exist_is_not_promised() -> None:
    # A plain ftruncate "creates" it, and SIGBUS comes on touch.
    with pytest.raises(NoSharedMemory, match="1,099,511,627,776 bytes of shared memory asked for"):
        create(2**40)


def test_a_full_file_system_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> int:
        return os.open("/dev/full", os.O_RDWR)  # fallocate fails on it

    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(memory, "_MAKERS", (full, memory._memfd))
    os.close(create(4096))
    monkeypatch.setattr(memory, "_MAKERS", (full,))
    with pytest.raises(NoSharedMemory, match="4,096 bytes of shared memory cannot be had"):
        create(4096)
    assert len(os.listdir("/proc/self/fd")) == before


def test_available_memory_heeds_the_cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    machine = available_memory()
    assert machine is not None
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._free_in_cgroup() is None
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("900\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 300\n")
    assert available_memory() == 400


MEMFD, SHM = "/memfd:ailab-batches", "/dev/shm/"


@contextmanager
def full(monkeypatch: pytest.MonkeyPatch, *places: str) -> Iterator[None]:
    """Within the block nothing can be reserved in these places."""
    reserve = os.posix_fallocate

    def fallocate(descriptor: int, offset: int, length: int) -> None:
        if str(Path(f"/proc/self/fd/{descriptor}").readlink()).startswith(places):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        reserve(descriptor, offset, length)

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", fallocate)
        yield


@pytest.mark.parametrize(("places", "left"), [((), MEMFD), ((MEMFD,), SHM), ((MEMFD, SHM), "temporary")])
def test_where_there_is_no_space_the_next_place_is_taken(
    places: tuple[str, ...], left: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with full(monkeypatch, *places):
        descriptor = create(8192)
    where = str(Path(f"/proc/self/fd/{descriptor}").readlink())
    assert where.startswith(str(tmp_path) if left == "temporary" else left)
    made = Memory(descriptor, 8192)
    os.close(descriptor)
    made._map[8191] = 1
    assert list(tmp_path.iterdir()) == []


def test_no_space_anywhere_is_told_and_leaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    with full(monkeypatch, "/"), pytest.raises(NoSharedMemory, match="cannot be had") as caught:
        create(8192)
    assert str(caught.value).count("No space left on device") == len(memory._MAKERS)
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_the_systems_own_refusal() -> None:
    before, limits = sorted(os.listdir("/proc/self/fd")), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, limits[1]))
    try:
        with pytest.raises(NoSharedMemory, match="File too large"):
            create(65537)
        os.close(create(65536))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_system_that_cannot_reserve_writes_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "posix_fallocate")
    descriptor = create(3 * 2**20 + 5)
    found = os.fstat(descriptor)
    assert found.st_size == 3 * 2**20 + 5
    assert found.st_blocks * 512 >= found.st_size
    os.close(descriptor)


@pytest.mark.parametrize("kind", ["memfd", "/dev/shm"])
def test_batches_that_no_longer_fit_go_through_pipes(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    makers = {"memfd": memory._memfd, "/dev/shm": memory._file("/dev/shm")}
    monkeypatch.setattr(memory, "_MAKERS", (makers[kind],))
    reserve = os.posix_fallocate

    def fallocate(descriptor: int, offset: int, length: int) -> None:
        if length > 50_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        reserve(descriptor, offset, length)

    monkeypatch.setattr(os, "posix_fallocate", fallocate)  # the workers are forked from here

    def load(indices: Any, epoch: int) -> Any:
        return {"x": np.full(20_000 if indices[0] % 3 == 2 else 10, indices[0])}

    keys = [(0, [number]) for number in range(12)]
    with pytest.warns(RuntimeWarning, match="pipes instead of shared memory.* No space left on device"):
        got = tuple(PoolStream(Pool(load, 2, context="fork"), keys))
    assert_same(got, tuple(load(indices, 0) for _, indices in keys))
