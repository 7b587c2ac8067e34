"""Building a cache unless there is one."""

from __future__ import annotations

import contextlib
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ailab.data.batches.read import read_batch
from ailab.data.batches.whole import whole_reader
from ailab.data.cache.claim import Claim, Watch
from ailab.data.cache.progress import Progress
from ailab.data.cache.store import complete, leaves_of
from ailab.data.cache.write import Writer

__all__ = ["ensure", "read_rows"]

CHUNK = 256  # samples that are read at once where whole batches are offered
POLL = 0.05  # seconds between looks at somebody else's building


def ensure(folder: Path, dataset: Any, paths: Sequence[str], progress: bool | None) -> None:
    """Return once there is a complete cache of ``dataset`` in ``folder``, whoever built it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    claim_file = folder.with_name(f".{folder.name}.claim")
    work = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    claim, watch = Claim(claim_file, work), Watch(claim_file)
    with Progress(type(dataset).__qualname__, len(dataset), progress) as shown:
        while complete(folder) is None:
            if claim.take():
                try:
                    if complete(folder) is None:  # else its builder finished just before
                        _build(folder, work, dataset, paths, claim, shown)
                finally:
                    shutil.rmtree(work, ignore_errors=True)
                    claim.release()
            elif (left := watch.dead()) is not None:
                if left.startswith(f".{folder.name}."):
                    shutil.rmtree(folder.with_name(left), ignore_errors=True)
                watch.remove()
            else:
                shown.waiting()
                time.sleep(POLL)


def read_rows(dataset: Any, indices: Sequence[int]) -> Any:
    """The samples as a batch, with random numbers of seed 0 and epoch 0."""
    return read_batch(dataset, indices, seed=0, epoch=0)


def _build(folder: Path, work: Path, dataset: Any, paths: Sequence[str], claim: Claim, shown: Progress) -> None:
    work.mkdir()
    with Writer(work, paths) as writer:
        for indices in _chunks(dataset):
            writer.append(leaves_of(read_rows(dataset, indices)))
            claim.beat()
            shown.done(indices[-1] + 1)
        writer.finish()
    try:
        work.rename(folder)
    except OSError:
        # Somebody else was faster, or what is there has lost a part: then it goes.
        if complete(folder) is None:
            _remove(folder)
            work.rename(folder)


def _chunks(dataset: Any) -> Iterator[list[int]]:
    # Without whole batches one by one: samples of different shapes make no batch.
    size = 1 if whole_reader(dataset) is None else CHUNK
    length = len(dataset)
    return (np.arange(start, min(start + size, length)).tolist() for start in range(0, length, size))


def _remove(folder: Path) -> None:
    aside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    with contextlib.suppress(FileNotFoundError):
        folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
