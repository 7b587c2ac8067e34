"""Deny by default: nothing behind this layer is reached without a token, but what is on one short list."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ailab_server.auth import Login, Tokens
from ailab_server.errors import problem

__all__ = ["LOGIN_KEY", "PUBLIC", "TokenCheck"]

PUBLIC = frozenset({("POST", "/api/v1/login")})
"""Every (method, path) that needs no token.

The page's own files are served before this layer (``security.site``).
"""

LOGIN_KEY = "ailab.login"
"""Where in the ASGI scope the routes find the caller's ``Login``."""


class TokenCheck:
    """Refuses with 401 whatever comes without a valid ``Authorization: Bearer TOKEN``, known path or not.

    It stands before the routing, so a route that is added later is behind it whatever its author thought of.
    """

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
        self.app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if (scope["method"], scope["path"]) not in PUBLIC:
                login = self._login(Headers(scope=scope))
                if login is None:
                    refusal = problem(
                        401,
                        "log in at /api/v1/login and send the token as Authorization: Bearer TOKEN",
                        {"WWW-Authenticate": 'Bearer realm="AI Lab"', "Connection": "close"},
                    )
                    await refusal(scope, receive, send)
                    return
                scope[LOGIN_KEY] = login
            await self.app(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        else:  # no route here speaks WebSocket
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    def _login(self, headers: Headers) -> Login | None:
        values = headers.getlist("authorization")
        if len(values) != 1:
            return None
        scheme, _, token = values[0].partition(" ")
        if scheme.lower() != "bearer":
            return None
        return self._tokens.check(token.strip())
