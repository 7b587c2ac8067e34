"""What a user's role lets through: looking, queueing, or everything.

Like the token check it stands before the routing and denies by default: a route that is added later and
changes anything is closed to viewers whatever its author thought of.
"""

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from ailab_server.auth import Login
from ailab_server.config import Role
from ailab_server.errors import problem
from ailab_server.security.access import LOGIN_KEY

__all__ = ["RoleCheck", "allows", "changes_nothing", "needed"]

_ORDER: tuple[Role, ...] = ("viewer", "operator", "admin")

_LOOKING = ("GET", "HEAD", "OPTIONS")

_QUESTIONS = frozenset({("POST", "/api/v1/series")})
"""What changes nothing: a question too long for an address is a POST."""

_OF_EVERYONE = _QUESTIONS | {("POST", "/api/v1/logout")}
"""What changes nothing, or nothing but the caller's own login."""


_OF_ADMINS = frozenset({"/api/v1/audit"})


def changes_nothing(method: str, path: str) -> bool:
    """Whether a request only asks."""
    return method in _LOOKING or (method, path) in _QUESTIONS


def needed(method: str, path: str) -> Role:
    """The role that a request needs before any route sees it; routes may ask for more."""
    if path in _OF_ADMINS:
        return "admin"
    if method in _LOOKING or (method, path) in _OF_EVERYONE:
        return "viewer"
    return "operator"


def allows(role: Role, wanted: Role) -> bool:
    """Whether who has ``role`` may do what needs ``wanted``."""
    return _ORDER.index(role) >= _ORDER.index(wanted)


class RoleCheck:
    """Refuses with 403 what the caller's role does not cover. Behind ``TokenCheck``, which says who is calling.

    Args:
        role_of: a user's role.
    """

    def __init__(self, app: ASGIApp, role_of: Callable[[str], Role]) -> None:
        self.app = app
        self._role_of = role_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        login = scope.get(LOGIN_KEY)
        if isinstance(login, Login):  # without one it is the log-in itself
            role, wanted = self._role_of(login.user), needed(scope["method"], scope["path"])
            if not allows(role, wanted):
                yours = f"a {role}" if role == "viewer" else f"an {role}"
                detail = f"this needs the role {wanted}, and you are {yours}; the server's config gives out roles"
                await problem(403, detail, {"Connection": "close"})(scope, receive, send)
                return
        await self.app(scope, receive, send)
