"""A process that reads runs for the server: ``python -m ailab_server.workspace.helper QUEUE``.

The order is on stdin, JSON of the workspace, its runs, how many are a batch, and for how long a run must be over to be
told; the numbers of the batches that nobody has taken yet are in the pipe QUEUE; records as the cache keeps them go to
stdout. It imports what reading needs and no more: it is to be there before the server has read the runs by itself.
"""

import gc
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence

from ailab.experiment.record import RunReader
from ailab_server.workspace import row
from ailab_server.workspace.kept import Kept, encoded
from ailab_server.workspace.signature import poll_and_look

__all__ = ["NUMBER", "batches", "over_for", "read_over"]

NUMBER = 4
"""Bytes of a batch's number in the queue. All numbers are of that size, so the kernel hands out whole ones."""


def over_for(reader: RunReader) -> float:
    """Seconds since the last that an ended or stale run wrote, by this machine's clock; negative while it lives."""
    if reader.state not in ("finished", "failed", "killed", "stale") or reader.updated is None:
        return -1.0
    return time.time() - reader.updated


def read_over(root: str, relative: str, least: float) -> Kept | None:
    """A run that has been over for ``least`` seconds and is undamaged, as of revision 0; None for any other."""
    path = f"{root}/{relative}"
    reader = RunReader(path)
    try:
        _, found, _ = poll_and_look(reader, path)
        run = row.of_run(reader, row.run_id(relative), relative, time.time(), 0)
    except Exception:  # noqa: BLE001 - the server reads it again, and says what is wrong with it
        return None
    if not found or run.damaged or over_for(reader) < least:
        return None
    return Kept(relative, found, run.created, 0, run.state, run.task, run.json)


def batches(queue: int, runs: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """The batches of ``runs`` that this process gets, one after the other, while other processes get the rest."""
    while taken := os.read(queue, NUMBER):
        number = int.from_bytes(taken, "little")
        yield runs[number * size : (number + 1) * size]


def main() -> None:
    gc.disable()  # reading leaves nothing behind that only the collector would find
    root, runs, size, least = json.load(sys.stdin)
    out = sys.stdout.buffer
    for batch in batches(int(sys.argv[1]), runs, size):
        for relative in batch:
            kept = read_over(root, relative, least)
            if kept is not None:
                out.write(encoded(kept))
        out.flush()


if __name__ == "__main__":
    main()
