"""An answer that is made while it is sent: as large as it may be, it costs a piece of memory."""

import asyncio
import threading
from collections.abc import Callable, Iterator

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ailab_server.errors import ProblemError
from ailab_server.stream.response import disconnected

__all__ = ["Download"]

_MOST = 16
_SEND_SECONDS = 60.0
"""A client that has taken nothing for so long is gone."""

_open: set["Download"] = set()


class Download(Response):
    """Sends ``pieces`` as fast as the client takes them; each is made in a thread. At most 16 are sent at a time.

    Args:
        length: how many bytes there will be; None if that shows at the end.
        close: called when all is sent, or the client is gone.

    Raises:
        ProblemError: 503, too many are being sent already; ``close`` was called then.
    """

    def __init__(
        self,
        pieces: Iterator[bytes],
        media_type: str,
        headers: dict[str, str],
        length: int | None = None,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        if len(_open) >= _MOST:
            close()
            raise ProblemError(503, "too many downloads are on their way", {"Retry-After": "5"})
        super().__init__(media_type=media_type, headers=headers)
        del self.headers["content-length"]
        if length is not None:
            self.headers["Content-Length"] = str(length)
        self._length = length
        self._pieces = pieces
        self._close = close
        self._making = threading.Lock()
        _open.add(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send_all(send))
        watching = asyncio.create_task(disconnected(receive))
        try:
            await asyncio.wait((sending, watching), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, watching):
                task.cancel()
            results = await asyncio.gather(sending, watching, return_exceptions=True)
            _open.discard(self)
            await run_in_threadpool(self._end)
        if isinstance(results[0], Exception) and not isinstance(results[0], TimeoutError):
            raise results[0]  # the connection is closed in the middle: no half of a file looks like a whole one

    async def _send_all(self, send: Send) -> None:
        async def put(body: bytes, more: bool = True) -> None:
            async with asyncio.timeout(_SEND_SECONDS):
                await send({"type": "http.response.body", "body": body, "more_body": more})

        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        left = self._length
        while (piece := await run_in_threadpool(self._next)) is not None:
            await put(piece)
            left = None if left is None else left - len(piece)
        if left:
            raise OSError(f"what was sent ended {left} bytes too early")
        await put(b"", more=False)

    def _next(self) -> bytes | None:
        with self._making:
            return next(self._pieces, None)

    def _end(self) -> None:
        with self._making:  # a client may go while a thread is at work on its next piece
            stop = getattr(self._pieces, "close", None)
            if stop is not None:
                stop()
            self._close()
