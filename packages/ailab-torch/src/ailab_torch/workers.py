"""What torch's users expect to find in a worker process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.data._utils import worker

from ailab.data.engine.worker import Load

__all__ = ["Beginning"]


class Beginning:
    """Makes one of our worker processes what torch's are; called there, before any sample is read.

    Args:
        seed: for torch's global generator, another one in each worker.
        worker_init_fn: DataLoader's, called last; `torch.utils.data.get_worker_info` works in it.
    """

    def __init__(self, seed: int, worker_init_fn: Callable[[int], object] | None) -> None:
        self._seed = seed
        self._worker_init_fn = worker_init_fn

    def __call__(self, number: int, workers: int, load: Load) -> None:
        # The workers share the CPUs among them. After a fork OpenMP's threads are gone, and using them hangs.
        torch.set_num_threads(1)
        seed = (self._seed + number) % 2**63
        torch.manual_seed(seed)
        dataset: Any = load.__self__.dataset  # type: ignore[attr-defined]  # BatchLoader.load
        worker._worker_info = worker.WorkerInfo(id=number, num_workers=workers, seed=seed, dataset=dataset)
        if self._worker_init_fn is not None:
            self._worker_init_fn(number)
