"""Logging in and out."""

import logging
import math

from fastapi import APIRouter, Request

from ailab_server.auth import LoginRefused, TooManyTries
from ailab_server.errors import ProblemError
from ailab_server.models import Credentials, Problem, Session
from ailab_server.routes.context import Caller, Parts

router = APIRouter(tags=["session"])
_log = logging.getLogger(__name__)


@router.post("/login", responses={401: {"model": Problem}, 429: {"model": Problem}})
async def login(credentials: Credentials, request: Request, parts: Parts) -> Session:
    """Get a token for a user's password. After too many wrong ones: 429, with ``Retry-After`` in seconds."""
    address = request.client.host if request.client else ""
    try:
        await parts.authenticator.check(credentials.user, credentials.password, address)
    except TooManyTries as refusal:
        seconds = math.ceil(refusal.seconds)
        detail = f"too many tries: wait {seconds} s"
        raise ProblemError(429, detail, {"Retry-After": str(seconds)}) from None
    except LoginRefused:
        _log.warning("login refused: user %s from %s", credentials.user, address)
        raise ProblemError(401, "user or password is wrong") from None
    token, expires = parts.tokens.issue(credentials.user)
    _log.info("login: user %s from %s", credentials.user, address)
    return Session(token=token, user=credentials.user, expires=expires)


@router.post("/logout", status_code=204)
async def logout(caller: Caller, parts: Parts) -> None:
    """End the token that the request came with, and the streams that were opened with it."""
    parts.tokens.revoke(caller.key)
    parts.hub.end(caller.key)
