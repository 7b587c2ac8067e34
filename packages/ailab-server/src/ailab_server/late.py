"""The API before FastAPI: importing that takes longer than everything a page needs at first.

`LateApi` answers the well-formed among a few requests by itself, with what the routes answer too. Everything else waits
for the real API, which is made when it is first needed, or when the server has had nothing else to do.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ailab_server import answers
from ailab_server.auth import Login
from ailab_server.errors import ProblemError, problem
from ailab_server.models import Credentials, SeriesQuestion
from ailab_server.security.access import LOGIN_KEY
from ailab_server.security.guard import guarded
from ailab_server.services import Services

__all__ = ["LateApi", "create_app"]

_log = logging.getLogger(__name__)

_PREPARE_SECONDS = 2.0
_READ_SECONDS = 30.0

Answer = Callable[[Services, Scope, bytes], Awaitable[Response]]


def create_app(services: Services) -> ASGIApp:
    """The whole server as an ASGI app; its lifespan starts and stops ``services``."""
    manager = services.manager
    more = [router for found in manager.hook.ailab_routes(services=services) for router in found]

    def make() -> ASGIApp:
        from ailab_server.app import create_api

        api = create_api(more)
        api.state.services = services
        return api

    return guarded(
        LateApi(services, make), services.config, services.tokens, services.audit, manager.hook.ailab_ui_folder()
    )


class LateApi:
    """Starts and stops ``services`` with the server, and makes the API by calling ``make`` once."""

    def __init__(self, services: Services, make: Callable[[], ASGIApp]) -> None:
        self._services = services
        self._make = make
        self._made: asyncio.Task[ASGIApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        answer = _ANSWERS.get((scope["method"], scope["path"])) if not scope["query_string"] else None
        if answer is not None:
            body, receive = await _read(receive)
            with contextlib.suppress(_Odd):  # the real API knows what to say to it
                try:
                    response = await answer(self._services, scope, body)
                except ProblemError as error:
                    response = problem(error.status_code, str(error.detail), error.headers)
                await response(scope, receive, send)
                return
        api = await asyncio.shield(self._api())
        await api(scope, receive, send)

    def _api(self) -> asyncio.Task[ASGIApp]:
        if self._made is None:
            self._made = asyncio.create_task(run_in_threadpool(self._make))
        return self._made

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._services.start()
        except BaseException as error:
            _log.exception("the server cannot start")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.startup.complete"})
        preparing = asyncio.create_task(self._prepare())
        await receive()
        preparing.cancel()
        await self._services.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _prepare(self) -> None:
        await asyncio.sleep(_PREPARE_SECONDS)
        # Both take all of Python, and whoever looks at a vast workspace waits for the reading.
        end = time.monotonic() + _READ_SECONDS
        while not self._services.workspace.wait_until_read(0) and time.monotonic() < end:
            await asyncio.sleep(0.1)
        await asyncio.shield(self._api())


class _Odd(Exception):
    """Not a request of the plain kind that is answered here."""


async def _read(receive: Receive) -> tuple[bytes, Receive]:
    """The body, which ``security.bodies`` has read as one, and a ``receive`` that gives it again."""
    first = await receive()
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return first

    return first.get("body", b""), again


async def _log_in(services: Services, scope: Scope, body: bytes) -> Response:
    try:
        credentials = Credentials.model_validate(json.loads(body))
    except (ValueError, ValidationError, RecursionError):
        raise _Odd from None
    client = scope.get("client")
    session = await answers.log_in(services, credentials, client[0] if client else "")
    return Response(session.model_dump_json(), media_type="application/json")


async def _list_runs(services: Services, scope: Scope, body: bytes) -> Response:
    return await run_in_threadpool(answers.list_runs, services)


async def _compare_series(services: Services, scope: Scope, body: bytes) -> Response:
    try:
        question = SeriesQuestion.model_validate(json.loads(body))
    except (ValueError, ValidationError, RecursionError):
        raise _Odd from None
    return await run_in_threadpool(answers.compare_series, services, question)


async def _open_stream(services: Services, scope: Scope, body: bytes) -> Response:
    caller = scope.get(LOGIN_KEY)
    if not isinstance(caller, Login):
        raise _Odd
    return answers.open_stream(services, caller)


_ANSWERS: dict[tuple[str, str], Answer] = {
    ("POST", "/api/v1/login"): _log_in,
    ("GET", "/api/v1/runs"): _list_runs,
    ("POST", "/api/v1/series"): _compare_series,
    ("GET", "/api/v1/stream"): _open_stream,
}
