"""What the routes do that every page asks for first.

It knows no FastAPI: ``late`` gives these answers before that is even imported, the routes give them afterwards.
"""

import asyncio
import json
import logging
import math
from collections.abc import Sequence

from starlette.responses import Response

from ailab_server.auth import Login, LoginRefused, TooManyTries
from ailab_server.errors import ProblemError
from ailab_server.models import Credentials, SeriesQuestion, Session
from ailab_server.services import Services
from ailab_server.stream.pieces import Pieces, joined
from ailab_server.stream.response import StreamResponse
from ailab_server.workspace.series import FEWEST, encode_many

__all__ = ["compare_series", "list_runs", "log_in", "open_stream", "run_list"]

_log = logging.getLogger(__name__)

_MOST_POINTS = 4_000_000
"""In one answer, 64 MB: a thousand runs' hundred metrics of 20,000 points would be 32 GB. Further ones are reduced."""


async def log_in(services: Services, credentials: Credentials, address: str) -> Session:
    """A token for a user's password.

    Raises:
        ProblemError: 401, or 429 after too many wrong ones.
    """
    try:
        await services.authenticator.check(credentials.user, credentials.password, address)
    except TooManyTries as refusal:
        services.audit.refused_login(services.known(credentials.user), address, 429)
        seconds = math.ceil(refusal.seconds)
        detail = f"too many tries: wait {seconds} s"
        raise ProblemError(429, detail, {"Retry-After": str(seconds)}) from None
    except LoginRefused:
        # Not the name of a user that there is not: it may be a password in the wrong field.
        user = services.known(credentials.user)
        services.audit.refused_login(user, address, 401)
        _log.warning("login refused: user %s from %s", user, address)
        raise ProblemError(401, "user or password is wrong") from None
    token, expires = services.tokens.issue(credentials.user)
    await asyncio.to_thread(services.audit.note, "login", credentials.user, address, "", 200)
    _log.info("login: user %s from %s", credentials.user, address)
    return Session(token=token, user=credentials.user, expires=expires)


def list_runs(services: Services) -> Response:
    """All runs, newest first, as a `RunList`."""
    return run_list(rows := services.workspace.rows(), len(rows))


def run_list(
    rows: Sequence[bytes], total: int, offset: int = 0, columns: Sequence[str] = (), values: Sequence[object] = ()
) -> Response:
    """A `RunList` of runs whose JSON is there already. ``values`` is strict JSON."""
    rest = {"total": total, "offset": offset, "columns": list(columns), "values": list(values)}
    end = json.dumps(rest, allow_nan=False, separators=(",", ":")).encode()
    return Pieces([b'{"runs":[', *joined(rows), b"]," + end[1:]])


def compare_series(services: Services, question: SeriesQuestion) -> Response:
    """Series of many runs (docs/api.md, "Series"). Slow: not for the event loop."""
    found = services.workspace.parts(question.runs, question.metrics, question.x, question.low, question.high)
    points = max(FEWEST, min(question.points, _MOST_POINTS // (len(question.runs) * len(question.metrics))))
    return Pieces(encode_many(found, points), "application/octet-stream")


def open_stream(
    services: Services, caller: Login, only: frozenset[str] | None = None, since: int | None = None
) -> Response:
    """The live stream of one browser: of some runs or all, from the beginning or a revision on.

    Raises:
        ProblemError: 503, too many are watching.
    """
    client = services.hub.join(caller, only, since)
    if client is None:
        raise ProblemError(503, "too many browsers are watching this server", {"Retry-After": "30"})
    return StreamResponse(client, services.hub)
