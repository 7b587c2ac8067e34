"""Request bodies: JSON only, small, and there in time."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ailab_server.errors import problem

__all__ = ["BodyCheck"]

_CLOSE = {"Connection": "close"}  # what is left of the body is not worth reading


class BodyCheck:
    """Reads the whole body before the app sees the request: 415 unless JSON, 413 when large, 408 when late.

    Asking for ``application/json`` is also what keeps HTML forms of other sites out: a browser sends that
    type across origins only after a preflight.
    """

    LARGEST = 2**20
    SECONDS = 10.0

    def __init__(self, app: ASGIApp, largest: int = LARGEST, seconds: float = SECONDS) -> None:
        self.app = app
        self._largest = largest
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        announced = length.strip("0") != "" or "transfer-encoding" in headers
        types = headers.getlist("content-type")
        if announced and not (len(types) == 1 and _is_json(types[0])):
            detail = "send the body as Content-Type: application/json"
            await problem(415, detail, _CLOSE)(scope, receive, send)
            return
        if not length.isdecimal() or int(length[:20]) > self._largest:
            await self._too_large(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._read(receive)
        except TimeoutError:
            await problem(408, "the body did not come in time", _CLOSE)(scope, receive, send)
            return
        except _Gone:
            return
        if body is None:
            await self._too_large(scope, receive, send)
            return

        replayed = False

        async def receive_again() -> Message:
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, receive_again, send)

    async def _read(self, receive: Receive) -> bytes | None:
        """The body, or None when it is too large (no length may have announced that)."""
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            body += message.get("body", b"")
            if len(body) > self._largest:
                return None
            if not message.get("more_body", False):
                return bytes(body)

    async def _too_large(self, scope: Scope, receive: Receive, send: Send) -> None:
        detail = f"a body may have at most {self._largest} bytes"
        await problem(413, detail, _CLOSE)(scope, receive, send)


class _Gone(Exception):
    """The client went away before its body was there: nobody waits for an answer."""


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/json"
