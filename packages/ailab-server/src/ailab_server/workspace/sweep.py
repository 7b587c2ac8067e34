"""Reading hundreds of runs for the first time, with the machine's other processors.

Python reads runs with one processor, whatever its threads do. So helper processes (`helper`) read some of them while
the server does: whoever is done with a batch takes the next one out of a pipe, so that all end together however fast
each is. What a helper does not read, for whatever reason, the server reads itself.
"""

import contextlib
import fcntl
import io
import json
import logging
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ailab_server.workspace.helper import NUMBER, batches
from ailab_server.workspace.kept import HEAD_SIZE, Kept, decoded

__all__ = ["Sweep", "helpers_for"]

_log = logging.getLogger(__name__)

_WORTH = 700
"""With fewer runs than that a helper is hardly there before they are read."""
_MOST_HELPERS = 3
_BATCH = 16
"""Runs that are taken at once: some milliseconds."""
_MOST_BATCHES = 1_000
"""Their numbers fit the smallest pipe there is, of one page."""
_AT_ONCE = 1 << 17
_LIMIT = 600.0
_END_SECONDS = 2.0
_LARGEST = 40 << 20
"""Bytes of one record, and more."""
_ROOM = 1 << 20
"""Bytes of records that a helper may be ahead of the server."""


def helpers_for(runs: int, processors: int) -> int:
    """How many helpers are worth their start for so many runs."""
    return 0 if runs < _WORTH else max(0, min(_MOST_HELPERS, processors - 1))


class Sweep:
    """Helpers at work on ``runs``, paths below ``root``. One thread uses it; ``stop`` may come from any.

    Args:
        helpers: how many processes.
        least: for so many seconds a run must have been over, to be told.

    Raises:
        OSError: not one helper can be started.
    """

    def __init__(self, root: Path, runs: Sequence[str], helpers: int, least: float) -> None:
        self._runs = runs
        self._size = max(_BATCH, -(-len(runs) // _MOST_BATCHES))
        self._queue = _queue(-(-len(runs) // self._size))
        self._helpers: list[_Helper] = []
        self._stopped = False
        order = json.dumps([os.fspath(root), runs, self._size, least]).encode()
        try:
            for _ in range(helpers):
                self._helpers.append(_Helper(order, self._queue))
        except OSError as error:
            if not self._helpers:
                os.close(self._queue)
                raise
            _log.warning("not every helper can be started to read runs: %s", error.strerror)

    def batches(self) -> Iterator[Sequence[str]]:
        """What the server is to read itself, a few runs at a time, until none is left that nobody has taken."""
        return batches(self._queue, self._runs, self._size)

    def ready(self) -> Iterator[Kept]:
        """What helpers have read meanwhile; does not wait."""
        for one in self._helpers:
            yield from one.results()

    def rest(self) -> Iterator[Kept]:
        """What helpers still read, until each has ended, or `stop` came, or it takes too long: a share may hang."""
        end = time.monotonic() + _LIMIT
        while waiting := [one for one in self._helpers if not one.ended]:
            if self._stopped:
                return
            if time.monotonic() > end:
                _log.warning("helpers that read runs are not done after %.0f s", _LIMIT)
                return
            news = select.poll()
            for one in waiting:
                news.register(one.output, select.POLLIN)
            news.poll(1000.0)
            for one in waiting:
                yield from one.results()

    def stop(self) -> None:
        """End the helpers now."""
        self._stopped = True
        for one in self._helpers:
            one.stop()

    def close(self) -> None:
        """End the helpers and let go of what they were reached by."""
        os.close(self._queue)
        for one in self._helpers:
            one.stop()
            one.close()


class _Helper:
    """One process. ``ended``: it has, and all that it read was taken."""

    def __init__(self, order: bytes, queue: int) -> None:
        command = [sys.executable, "-m", "ailab_server.workspace.helper", str(queue)]
        variables = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # NumPy's library starts one a processor, for nothing
        # A file, not a pipe: nobody has to wait until the helper has begun to read.
        with tempfile.TemporaryFile() as file:
            file.write(order)
            file.seek(0)
            self._process = subprocess.Popen(
                command, stdin=file, stdout=subprocess.PIPE, pass_fds=(queue,), env=variables
            )
        assert self._process.stdout is not None
        self._stream = self._process.stdout
        self.output = self._stream.fileno()
        self.ended = self._stopped = False
        self._left = b""
        os.set_blocking(self.output, False)
        with contextlib.suppress(OSError):  # a user may have so much in pipes and no more; then the helper waits sooner
            fcntl.fcntl(self.output, fcntl.F_SETPIPE_SZ, _ROOM)

    def results(self) -> Iterator[Kept]:
        """What it has read and not given yet."""
        while not self.ended:
            try:
                data = os.read(self.output, _AT_ONCE)
            except BlockingIOError:
                return
            if not data:
                self.close()
                return
            data = self._left + data
            file, end = io.BytesIO(data), 0
            while (head := file.read(HEAD_SIZE)) and (kept := decoded(head, file)) is not None:
                end = file.tell()
                yield kept
            self._left = data[end:]
            if len(self._left) > _LARGEST:  # it says something else
                self.stop()

    def stop(self) -> None:
        self._stopped = True
        self._process.kill()  # which knows whether it has ended already

    def close(self) -> None:
        if not self.ended:
            self.ended = True
            self._stream.close()
            try:
                status = self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                _log.warning("a helper that reads runs does not end")  # not even killed: a share hangs
                return
            if status and not self._stopped:
                _log.warning("a helper that reads runs failed with status %d", status)


def _queue(count: int) -> int:
    """A pipe to read so many numbers from, and then its end."""
    queue, into = os.pipe()
    try:
        os.write(into, b"".join(number.to_bytes(NUMBER, "little") for number in range(count)))
    finally:
        os.close(into)
    return queue
