"""The choice between this process, threads and worker processes, by what reading samples costs."""

from __future__ import annotations

import itertools
import os
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from ailab.data.batches.read import Indices
from ailab.data.engine.shareable import unshareable
from ailab.data.engine.start import context_of
from ailab.data.engine.trial import Sight, same_rows
from ailab.data.engine.worker import Load

__all__ = ["Cost", "Measured", "choose", "cpus", "measure"]

_MOMENT = 0.004  # seconds of measuring
_WAITING = 0.5  # the share of a sample's time without the CPU above which threads help more than processes
_WORTH_THREADS = 50e-6  # seconds per sample: less is not worth handing over to a thread
_WORTH_PROCESSES = 1e-4  # seconds per batch: taking one over costs the consumer an eighth to a fourth of that
_EPOCH = 0.1  # seconds: processes take some 10 ms to start, and as long again until they run at full speed
_LONG_EPOCH = 1.0  # seconds: what processes with threads take to start is then less than they gain
_THREADS = 64
_BUSY = 0.5  # of a CPU
_MOST_PROCESSES = 8  # each has its slots and, as it runs, its own copy of what the dataset counts references of
_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


class Cost(NamedTuple):
    """Seconds per sample: by the clock, and of the CPU."""

    wall: float
    cpu: float


class Measured(NamedTuple):
    """What a look at the first batch has shown.

    Attributes:
        cost: of a sample; None if reading failed, which the batch itself will show.
        same: a sample read twice was the same both times.
        sight: the batch as far as it was made, if ``same``.
    """

    cost: Cost | None
    same: bool
    sight: Sight


def measure(load: Load, indices: Indices, epoch: int) -> Measured:
    """Make the beginning of a batch with ``indices``: of the first sample, then of the first two, four, ... until the
    batch is complete or a few milliseconds are over.
    """
    count, begin = 1, time.perf_counter()
    same, before = True, None
    for round in itertools.count():
        part = indices[:count]
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            batch = load(part, epoch)
        except Exception:  # noqa: BLE001 - it comes again with its batch, at the place where it belongs
            return Measured(None, False, Sight(None, whole=False))
        now = time.perf_counter()
        cost = Cost((now - wall) / len(part), (time.thread_time() - cpu) / len(part))
        same = same and (round == 0 or same_rows(before, batch))
        # The first one may have opened files or imported modules: two at least.
        if round and (count >= len(indices) or now - begin > _MOMENT):
            return Measured(cost, same, Sight(batch if same else None, whole=same and count >= len(indices)))
        before = batch
        count *= 2
    raise AssertionError("unreachable")


def choose(
    dataset: Any, cost: Cost | None, length: int, batch_size: int, context: Any = None, same: bool = True
) -> tuple[int, int]:
    """The number of worker processes (0: none) and of threads in each (1: no more than its own).

    Args:
        dataset: what is read; one that holds open files or the like is read here, by one thread.
        cost: of a sample.
        length: samples in an epoch.
        batch_size: samples in a batch.
        context: how processes would start, see `Pool`.
        same: a sample is the same each time it is read; else nobody could tell if threads get in each other's way.
    """
    if cost is None or cost.wall * length < _EPOCH or unshareable(dataset) is not None:
        return 0, 1
    free = not getattr(sys, "_is_gil_enabled", lambda: True)()
    # Any other start takes long and needs a dataset that can be pickled and a __main__ that can be imported.
    forks = not free and cpus() > 1 and context_of(context).get_start_method() == "fork"
    processes = min(cpus(), _MOST_PROCESSES) if forks else 0
    if same and cost.wall >= _WORTH_THREADS and cost.cpu < cost.wall * (1 - _WAITING):
        # The threads of one process compute one at a time. With processes it is a fifth faster, but for their start.
        lasting = length * max(cost.wall / _THREADS, cost.cpu) >= _LONG_EPOCH
        crowded = _THREADS * cost.cpu > cost.wall * _BUSY and lasting
        return (processes, -(-_THREADS // processes)) if crowded and processes else (0, _THREADS)
    if cost.wall * batch_size < _WORTH_PROCESSES or cpus() < 2:
        return 0, 1
    return (0, cpus()) if free else (processes, 1)


def cpus() -> int:
    """How many CPUs this process may use, by its affinity and its cgroup."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _CPU_MAX.read_text().split()
        return max(min(count, round(int(quota) / int(period))), 1)
    except (OSError, ValueError):  # no cgroup of version 2, or "max": no limit
        return count
