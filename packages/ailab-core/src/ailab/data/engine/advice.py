"""What to do about a training that waits for its data."""

from __future__ import annotations

import math

from ailab.data.batches.waiting import Waiting
from ailab.data.engine.auto import cpus

__all__ = ["advice"]

_LEAST = 0.1  # of the time
_SECONDS = 1.0  # of waiting in an epoch: less is not worth a thought


def advice(waiting: Waiting, processes: int, threads: int) -> str | None:
    """One line for a user whose training ``waiting`` is about; None: all is well.

    Args:
        waiting: of a whole epoch.
        processes: that made the batches; 0: the training's own.
        threads: in each of them, or in the training's own process.
    """
    if waiting.fraction < _LEAST or waiting.waited < _SECONDS:
        return None
    told = f"the training waited {waiting.fraction:.0%} of the time for its data; "
    # Workers made a share of what was needed while the training worked, and the rest while it waited.
    busy = waiting.waited + (waiting.used if processes or threads > 1 else 0.0)
    if threads > 1 and not processes:
        wanted = math.ceil(threads * busy / max(waiting.used, busy / 8))
        return f"{told}threads_per_worker={wanted} would hide more of it"
    wanted = math.ceil(max(processes, 1) * busy / max(waiting.used, 1e-9))
    if wanted <= cpus() and wanted > processes:
        return f"{told}{wanted} worker{'s' * (wanted > 1)} would hide it"
    if processes < cpus():
        return f"{told}{cpus()} workers would hide some of it, and cheaper samples (CachedDataset) more"
    return f"{told}all {cpus()} CPUs are at work on it, so only cheaper samples (CachedDataset, __getitems__) help"
