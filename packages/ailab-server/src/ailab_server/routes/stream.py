"""The live stream: one per browser, newline-delimited JSON over a plain answer to ``fetch``."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from ailab_server import answers
from ailab_server.models import StreamMessage
from ailab_server.routes.context import Caller, Parts
from ailab_server.stream.response import MEDIA_TYPE

router = APIRouter(tags=["stream"])


class _Lines(Response):
    media_type = MEDIA_TYPE


@router.get(
    "/stream",
    response_class=_Lines,
    responses={200: {"description": "One JSON message a line, see docs/api.md", "model": StreamMessage}},
)
async def get_stream(
    caller: Caller,
    parts: Parts,
    run: Annotated[
        list[str] | None, Query(max_length=500, description="only these runs; may be repeated, all without any")
    ] = None,
    since: Annotated[
        int | None, Query(ge=0, lt=2**63, description="a revision from an earlier stream, to go on from there")
    ] = None,
) -> Response:
    """A snapshot, then every change as it happens, until the browser or the server goes or the token ends."""
    return answers.open_stream(parts, caller, None if run is None else frozenset(run), since)
