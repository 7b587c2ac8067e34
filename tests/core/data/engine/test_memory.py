from __future__ import annotations

import mmap
import os
from pathlib import Path

import pytest

from ailab.data.engine import memory
from ailab.data.engine.memory import Memory, NoSharedMemory, available_memory, create


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
