"""What every route may ask for: the server's parts and who is calling."""

from typing import Annotated, cast

from fastapi import Depends, Request

from ailab_server.auth import Login
from ailab_server.config import Role
from ailab_server.errors import ProblemError
from ailab_server.security.access import LOGIN_KEY
from ailab_server.security.roles import allows
from ailab_server.security.trail import NOTE_KEY, Note
from ailab_server.services import Services

__all__ = ["Caller", "Noted", "Parts", "may"]


def _parts(request: Request) -> Services:
    return cast(Services, request.app.state.services)


def _caller(request: Request) -> Login:
    login = request.scope.get(LOGIN_KEY)
    if not isinstance(login, Login):  # only if somebody served the app without its guard
        raise ProblemError(401, "log in first")
    return login


def _note(request: Request) -> Note:
    note = request.scope.get(NOTE_KEY)
    note = note if isinstance(note, Note) else Note()  # nobody keeps it, if somebody served the app without its guard
    note.action = request.scope["route"].name
    return note


def may(caller: Login, wanted: Role, parts: Services) -> bool:
    """Whether the caller's role covers what needs ``wanted``."""
    return allows(parts.config.role_of(caller.user), wanted)


Parts = Annotated[Services, Depends(_parts)]
Caller = Annotated[Login, Depends(_caller)]
Noted = Annotated[Note, Depends(_note)]
