"""Logging in and out."""

from fastapi import APIRouter, Request

from ailab_server import answers
from ailab_server.models import Credentials, Problem, Session
from ailab_server.routes.context import Caller, Noted, Parts

router = APIRouter(tags=["session"])


@router.post("/login", responses={401: {"model": Problem}, 429: {"model": Problem}})
async def login(credentials: Credentials, request: Request, parts: Parts) -> Session:
    """Get a token for a user's password. After too many wrong ones: 429, with ``Retry-After`` in seconds."""
    return await answers.log_in(parts, credentials, request.client.host if request.client else "")


@router.post("/logout", status_code=204)
async def logout(caller: Caller, parts: Parts, noted: Noted) -> None:
    """End the token that the request came with, and the streams that were opened with it."""
    parts.tokens.revoke(caller.key)
    parts.hub.end(caller.key)
