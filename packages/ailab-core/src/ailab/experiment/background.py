"""Work that a training need not wait for: encoding images, copying files, replacing ``run.json``."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

__all__ = ["Background"]

_MOST_BYTES = 256 << 20
_PATIENCE_SECONDS = 5.0


class Background:
    """Jobs that a thread does one after the other.

    What waits is bounded. When it is full the caller waits, since it makes work faster than it can be done; only when
    not one job ends for five seconds (a share that hangs) is the new one refused.

    Args:
        failed: called with what a job raised.
    """

    def __init__(self, failed: Callable[[Exception], None], most_bytes: int = _MOST_BYTES) -> None:
        self._failed = failed
        self._most_bytes = most_bytes
        self._jobs: deque[tuple[Callable[[], None], int]] = deque()
        self._bytes = 0
        self._done = 0
        # Its lock is reentrant: a signal handler that ends the run may interrupt `put`.
        self._changed = threading.Condition(threading.RLock())
        self._working = False
        self._thread: threading.Thread | None = None

    def put(self, job: Callable[[], None], size: int = 0) -> bool:
        """Have ``job`` done, which holds ``size`` bytes of memory; False: refused."""
        with self._changed:
            done, since = self._done, time.monotonic()
            while self._bytes and self._bytes + size > self._most_bytes:
                self._changed.wait(0.1)
                if self._done != done:
                    done, since = self._done, time.monotonic()
                elif time.monotonic() - since > _PATIENCE_SECONDS:
                    return False
            self._jobs.append((job, size))
            self._bytes += size
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="ailab-background", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the interpreter shuts down, or the machine has no thread left: now or never
                    while self._jobs:
                        self._do(*self._jobs.popleft())
                    return True
                self._thread = thread
            self._changed.notify_all()
        return True

    def drain(self, seconds: float) -> int:
        """Wait until everything is done, at most so long. Returns how many jobs are not."""
        end = time.monotonic() + seconds
        with self._changed:
            while (self._jobs or self._working) and time.monotonic() < end:
                self._changed.wait(min(0.1, seconds))
            return len(self._jobs) + self._working

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._jobs:
                    self._changed.wait()
                job, size = self._jobs.popleft()
                self._working = True
            self._do(job, size)
            del job

    def _do(self, job: Callable[[], None], size: int) -> None:
        try:
            job()
        except Exception as error:  # noqa: BLE001 - it must not end the thread, nor reach the training
            self._failed(error)
        with self._changed:
            self._bytes -= size
            self._done += 1
            self._working = False
            self._changed.notify_all()
