"""What a run prints: its end, and what follows."""

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from ailab_server import output
from ailab_server.models.log import LogTail
from ailab_server.routes.context import Parts
from ailab_server.routes.declared import RunId, away, no_run, problems
from ailab_server.services import Services

router = APIRouter(tags=["runs"])

_LIVE = ("running", "queued")
_MOST_WAITING = 500
_PAUSE = 0.1

_waiting: set[object] = set()


@router.get("/runs/{run}/log", responses=problems(404, 422, 503))
async def get_log(
    run: RunId,
    parts: Parts,
    request: Request,
    tail: Annotated[int, Query(ge=1, le=2**20, description="at most so many bytes")] = 65536,
    begin: Annotated[
        int | None, Query(alias="from", ge=0, lt=2**63, description="from this byte on; without it, the end")
    ] = None,
    file: Annotated[str, Query(max_length=100, description="the file that `from` is about, of an earlier answer")] = "",
    wait: Annotated[
        float, Query(ge=0, le=30, description="seconds to wait for more when there is none and the run is not over")
    ] = 0.0,
) -> LogTail:
    """The end of the run's output, or what follows a byte; empty when there is none. To follow it, ask again and again.

    It ends where a character is whole. A log that was cut or replaced meanwhile begins anew (`restarted`).
    """
    end = time.monotonic() + wait
    me = object()
    while True:
        found = await run_in_threadpool(_read, parts, run, tail, begin, file)
        late = time.monotonic() >= end or len(_waiting) >= _MOST_WAITING + (me in _waiting)
        # Something new, nothing to wait for, or nobody who waits.
        if begin is None or found.text or found.restarted or found.over or late or parts.hub.closed:
            break
        _waiting.add(me)
        try:
            # However many wait, looking for more takes a small part of the time.
            await asyncio.sleep(max(_PAUSE, 0.002 * len(_waiting)))
            gone = await request.is_disconnected()
        finally:
            _waiting.discard(me)
        if gone:
            break
    return found


def _read(parts: Services, run: str, tail: int, begin: int | None, file: str) -> LogTail:
    workspace = parts.workspace
    try:
        entry = workspace.store.known(run)
    except KeyError:
        raise no_run() from None
    over = entry.state not in _LIVE  # before reading: what it printed last is there then
    try:
        if begin is None:
            piece = output.read_tail(workspace.root, entry, tail, final=over)
        else:
            piece = output.read_from(workspace.root, entry, begin, file, tail, final=over)
    except OSError:
        if not workspace.available:
            raise away() from None
        piece = output.NOTHING
    return LogTail(
        text=piece.text, size=piece.size, start=piece.start, next=piece.next, file=piece.file,
        restarted=piece.restarted, over=over,
    )  # fmt: skip
