"""The live stream: one per browser, newline-delimited JSON over a plain answer to ``fetch``."""

from fastapi import APIRouter, Response

from ailab_server.errors import ProblemError
from ailab_server.models import StreamMessage
from ailab_server.routes.context import Caller, Parts
from ailab_server.stream.response import MEDIA_TYPE, StreamResponse

router = APIRouter(tags=["stream"])


class _Lines(Response):
    media_type = MEDIA_TYPE


@router.get(
    "/stream",
    response_class=_Lines,
    responses={200: {"description": "One JSON message a line, see docs/api.md", "model": StreamMessage}},
)
async def get_stream(caller: Caller, parts: Parts) -> Response:
    """A snapshot, then every change as it happens, until the browser or the server goes or the token ends."""
    client = parts.hub.join(caller)
    if client is None:
        raise ProblemError(503, "too many browsers are watching this server", {"Retry-After": "30"})
    return StreamResponse(client, parts.hub)
