"""Handing notifications on in a thread of its own, so that a slow mail server slows nothing else."""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Sequence

from ailab_server.notify.watch import Notification

__all__ = ["Notifier"]

_log = logging.getLogger(__name__)


class Notifier:
    """A bounded queue and the thread that empties it.

    Args:
        send: gets everything that has come together since it was last called; may take long and may raise.
        gather: seconds to wait after the first for others, so that a hundred failing runs are one message.
    """

    _MOST = 1_000

    def __init__(self, send: Callable[[Sequence[Notification]], None], gather: float = 2.0) -> None:
        self._send = send
        self._gather = gather
        self._queue: queue.Queue[Notification | None] = queue.Queue(self._MOST)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ailab-notify", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def put(self, notification: Notification) -> None:
        """Send this soon. Returns at once; what does not fit any more is logged and lost."""
        try:
            self._queue.put_nowait(notification)
        except queue.Full:
            _log.warning("too many notifications wait; lost: %s", notification.text)

    def close(self) -> None:
        """Send nothing more. What is on its way has half a second to get out."""
        self._closing.set()
        if self._thread.ident is not None:
            with contextlib.suppress(queue.Full):
                self._queue.put_nowait(None)
            self._thread.join(timeout=0.5)

    def _run(self) -> None:
        while not self._closing.is_set():
            first = self._queue.get()
            if first is None:
                return
            self._closing.wait(self._gather)
            batch = [first]
            while True:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    break
                batch.append(more)
            try:
                self._send(batch)
            except Exception:  # noqa: BLE001 - a plugin may raise anything
                _log.exception("%d notifications could not be sent", len(batch))
