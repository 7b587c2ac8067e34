"""An answer that stays open and sends a hub's lines."""

import asyncio

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ailab_server.stream.hub import Client, Hub
from ailab_server.stream.pieces import grouped

__all__ = ["MEDIA_TYPE", "StreamResponse", "disconnected"]

MEDIA_TYPE = "application/x-ndjson"

_SEND_SECONDS = 60.0
"""A browser that has taken nothing for so long is gone; it may come back and gets a new snapshot."""


class StreamResponse(Response):
    """Sends a snapshot, then whatever the hub has for ``client``."""

    media_type = MEDIA_TYPE

    def __init__(self, client: Client, hub: Hub) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._client = client
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send_all(send))
        watching = asyncio.create_task(disconnected(receive))
        try:
            await asyncio.wait((sending, watching), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(self._client)
            for task in (sending, watching):
                task.cancel()
            results = await asyncio.gather(sending, watching, return_exceptions=True)
        if isinstance(results[0], Exception) and not isinstance(results[0], OSError | TimeoutError):
            raise results[0]

    async def _send_all(self, send: Send) -> None:
        async def put(body: bytes, more: bool = True) -> None:
            async with asyncio.timeout(_SEND_SECONDS):
                await send({"type": "http.response.body", "body": body, "more_body": more})

        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        for group in grouped(await self._hub.first(self._client)):
            await put(group)
        while (lines := await self._hub.next(self._client)) is not None:
            await put(lines)
        await put(b"", more=False)


async def disconnected(receive: Receive) -> None:
    """Return once the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
