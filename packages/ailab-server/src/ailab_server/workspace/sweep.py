"""Reading thousands of runs for the first time, with the machine's other processors.

Python reads runs with one processor, whatever its threads do. So a part of them is read by helper processes
(``python -m ailab_server.workspace.sweep``): paths go in, records as the cache keeps them come out. What a helper does
not read, for whatever reason, the server reads itself.
"""

import contextlib
import io
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ailab.experiment.record import RunReader
from ailab_server.workspace import view
from ailab_server.workspace.cache import Kept, decoded, encoded
from ailab_server.workspace.signature import signature

__all__ = ["Sweep", "over_for", "read_over", "shares"]

_log = logging.getLogger(__name__)

_WORTH = 1_500
"""With fewer runs than that a helper is hardly there before they are read."""
_MOST_HELPERS = 3
_LIMIT = 600.0


def shares(runs: Sequence[str], processors: int) -> list[Sequence[str]]:
    """What each helper is to read: a little less than the server keeps for itself, which is there already."""
    helpers = min(_MOST_HELPERS, processors - 1)
    if len(runs) < _WORTH or helpers < 1:
        return []
    each = int(len(runs) / (helpers + 1) * 0.9)
    return [runs[number * each : (number + 1) * each] for number in range(helpers)]


def over_for(reader: RunReader) -> float:
    """Seconds since the last that an ended or stale run wrote, by this machine's clock; negative while it lives."""
    if reader.state not in ("finished", "failed", "killed", "stale") or reader.updated is None:
        return -1.0
    return time.time() - reader.updated


def read_over(root: str, relative: str, revision: int, least: float) -> Kept | None:
    """A run that has been over for ``least`` seconds and is undamaged; None for any other."""
    path = f"{root}/{relative}"
    found = signature(path)  # before reading: what changes meanwhile differs from it afterwards
    reader = RunReader(path)
    try:
        reader.poll()
        run = view.summary(reader, view.run_id(relative), relative, time.time(), revision)
    except Exception:  # noqa: BLE001 - the server reads it again, and says what is wrong with it
        return None
    if not found or run.damaged or over_for(reader) < least:
        return None
    return Kept(relative, found, run.created, revision, run.state, run.task, run.model_dump_json().encode())


class Sweep:
    """One helper at work.

    Args:
        revision: of the first of ``runs``; the next ones have the next.
    """

    def __init__(self, root: Path, runs: Sequence[str], revision: int, least: float) -> None:
        order = json.dumps([os.fspath(root), runs, revision, least]).encode()
        command = [sys.executable, "-m", "ailab_server.workspace.sweep"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        threads = ThreadPoolExecutor(1, thread_name_prefix="ailab-sweep")
        self._output: Future[bytes] = threads.submit(lambda: self._process.communicate(order, timeout=_LIMIT)[0])
        threads.shutdown(wait=False)

    def results(self) -> Iterator[Kept]:
        """What it read, once it has ended."""
        try:
            data = io.BytesIO(self._output.result())
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            _log.warning("a helper that reads runs failed: %s", error)
            self.stop()
            return
        while head := data.read(16):
            kept = decoded(head, data)
            if kept is None:  # it was killed in the middle
                return
            yield kept

    def stop(self) -> None:
        """End it."""
        with contextlib.suppress(OSError):
            self._process.kill()


def main() -> None:
    """A helper: the order on stdin, records on stdout."""
    root, runs, revision, least = json.load(sys.stdin)
    for number, relative in enumerate(runs):
        kept = read_over(root, relative, revision + number, least)
        if kept is not None:
            sys.stdout.buffer.write(encoded(kept))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
