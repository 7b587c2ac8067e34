"""Reading the numbers of one writer's file at once, in blocks that stay in the processor's cache."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.experiment.record import scalars
from ailab.experiment.record.files import open_regular

__all__ = ["VALUES", "join", "last_records", "read_series"]

VALUES = np.dtype([("step", "<i8"), ("time", "<f8"), ("value", "<f8")])
_BLOCK = 8_192
_FEW = 16
"""Up to so many metrics are picked out one by one; more are sorted by metric."""
_LOOKS = (256, 4096)
"""Records at the end of a file in which the last value of each metric is looked for: 8 KiB, then 128 KiB."""


def read_series(
    path: Path, names: dict[int, str], wanted: Collection[str] | None = None, size: int | None = None
) -> tuple[dict[str, npt.NDArray[Any]], int]:
    """The values of a ``.scalars`` file by metric, in the order they were written.

    Reading stops at the first record that is not whole or whose id nobody named: it is "not there yet".

    Args:
        names: the writer's metric ids.
        wanted: only these metrics; None: all.
        size: look at so many bytes at most; None: all there are.

    Returns:
        Metric to an array of shape (n,), dtype ``VALUES``; and the bytes that were good, up to where reading stopped.

    Raises:
        OSError: the file cannot be read.
    """
    fd = open_regular(path)
    try:
        total = os.fstat(fd).st_size // scalars.SIZE
        if size is not None:
            total = min(total, size // scalars.SIZE)
        # Pages that are never written to cost nothing, so there is room for every record however few are wanted.
        values = np.empty(total, VALUES)
        ids: npt.NDArray[np.uint32] | None = None  # of each value, once there are different ones
        first = -1
        ours = _table(names, None if wanted is None else {id for id, name in names.items() if name in wanted})
        filled = good = 0
        for block in _blocks(fd, total, _table(names, None)):
            good += len(block)
            kept = block if wanted is None else _only(block, ours)
            if not len(kept):
                continue
            end = filled + len(kept)
            values[filled:end].view("<u8").reshape(-1, 3)[:] = kept.view("<u8").reshape(-1, 4)[:, 1:]
            here = kept["metric"]
            first = int(here[0]) if filled == 0 else first
            if ids is None and not (here == first).all():
                ids = np.empty(total, np.uint32)
                ids[:filled] = first
            if ids is not None:
                ids[filled:end] = here
            filled = end
    finally:
        os.close(fd)
    if not filled:
        return {}, good * scalars.SIZE
    if ids is None:
        return {names[first]: values[:filled]}, good * scalars.SIZE
    return _split(ids[:filled], values[:filled], names), good * scalars.SIZE


def join(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """A metric's values of all writers in one array, dtype ``VALUES``, sorted by step, then time."""
    if not parts:
        return np.empty(0, VALUES)
    together = parts[0] if len(parts) == 1 else np.concatenate(parts)
    steps = together["step"]
    if len(parts) > 1 or (steps[1:] < steps[:-1]).any():
        together = together[np.lexsort((together["time"], steps))]
    return together


def last_records(path: Path, names: dict[int, str]) -> dict[str, npt.NDArray[Any]] | None:
    """The last record of each of ``names``, shape (), dtype ``scalars.RECORD``, from a look at the file's end.

    None if that does not tell: something there is not whole, or a metric was logged too long before.

    Raises:
        OSError: the file cannot be read.
    """
    fd = open_regular(path)
    try:
        count = os.fstat(fd).st_size // scalars.SIZE
        table = _table(names, None)
        for look in _LOOKS:
            start = max(0, count - look)
            data = os.pread(fd, (count - start) * scalars.SIZE, start * scalars.SIZE)
            records = np.frombuffer(data[: len(data) - len(data) % scalars.SIZE], scalars.RECORD)
            if not (scalars.valid(records) & _known(records["metric"], table)).all():
                return None
            last = {id: position for position, id in enumerate(records["metric"].tolist())}
            if start == 0 or len(last) == len(names):
                return {names[id]: records[position] for id, position in last.items()}
    finally:
        os.close(fd)
    return None


def _blocks(fd: int, total: int, known: npt.NDArray[np.bool_]) -> Iterator[npt.NDArray[Any]]:
    """The good records, block after block in one buffer, which the next block overwrites."""
    buffer = np.empty(_BLOCK, scalars.RECORD)
    done = 0
    while done < total:
        want = buffer[: min(_BLOCK, total - done)]
        got = os.preadv(fd, [want.view(np.uint8).data], done * scalars.SIZE) // scalars.SIZE
        block = want[:got]
        good = scalars.valid(block) & _known(block["metric"], known)
        if not good.all():
            yield block[: int(good.argmin())]
            return
        if not got:  # it was cut shorter meanwhile
            return
        done += got
        yield block


def _table(names: dict[int, str], wanted: Collection[int] | None) -> npt.NDArray[np.bool_]:
    """Whether each id is one of those named (and wanted). Writers count from 0, so that it is short."""
    ids = [id for id in (names if wanted is None else wanted) if id < 1 << 20]
    table = np.zeros(max(ids, default=-1) + 2, bool)
    table[ids] = True
    return table


def _known(ids: npt.NDArray[Any], table: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    if len(ids) and (ids == ids[0]).all():  # a metric after the other, or but one
        return np.full(len(ids), table[min(int(ids[0]), len(table) - 1)])
    # An id beyond the table meets its last entry, which is False.
    found: npt.NDArray[np.bool_] = table.take(ids, mode="clip")
    return found


def _only(block: npt.NDArray[Any], wanted: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    mask = _known(block["metric"], wanted)
    return block if mask.all() else block[mask]


def _split(ids: npt.NDArray[Any], values: npt.NDArray[Any], names: dict[int, str]) -> dict[str, npt.NDArray[Any]]:
    small = ids.astype(np.uint8) if int(ids.max()) < 1 << 8 else ids
    present = np.unique(small) if len(names) > _FEW else [id for id in names if id <= int(ids.max())]
    parts: dict[str, list[npt.NDArray[Any]]] = {}
    if len(present) <= _FEW:
        for id in present:
            where = np.flatnonzero(small == id)
            if len(where):
                parts.setdefault(names[int(id)], []).append(values.take(where))
    else:
        narrow = ids.astype(np.uint16) if int(ids.max()) < 1 << 16 else ids  # which NumPy sorts in linear time
        order = narrow.argsort(kind="stable")
        ends = np.flatnonzero(np.diff(ids[order])) + 1
        for part in np.split(order, ends):
            parts.setdefault(names[int(ids[part[0]])], []).append(values.take(part))
    return {name: arrays[0] if len(arrays) == 1 else np.concatenate(arrays) for name, arrays in parts.items()}
