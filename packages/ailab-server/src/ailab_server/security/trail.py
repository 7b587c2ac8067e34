"""An entry in the audit for whatever may change something, whoever wrote its route."""

import asyncio
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ailab_server.auth import Login
from ailab_server.manage.audit import Audit
from ailab_server.security.access import LOGIN_KEY
from ailab_server.security.roles import changes_nothing

__all__ = ["NOTE_KEY", "AuditTrail", "Note"]

NOTE_KEY = "ailab.note"
"""Where in the ASGI scope a route finds the `Note` that it may add to."""


@dataclass(slots=True)
class Note:
    """What a route has to say about its request: the action in a word, and a few more."""

    action: str = ""
    detail: str = ""


class AuditTrail:
    """Notes each request that may change something, refused or not, before its answer leaves.

    Behind ``TokenCheck``, before ``RoleCheck``. Logging in is noted where passwords are checked.
    """

    def __init__(self, app: ASGIApp, audit: Audit) -> None:
        self.app = app
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        login = scope.get(LOGIN_KEY)
        if not isinstance(login, Login) or changes_nothing(scope["method"], scope["path"]):
            await self.app(scope, receive, send)
            return
        note = scope[NOTE_KEY] = Note()
        noted = False

        async def keep(status: int) -> None:
            nonlocal noted
            noted = True
            client = scope.get("client")
            action = note.action or scope["method"]
            address = client[0] if client else ""
            await asyncio.to_thread(
                self._audit.note, action, login.user, address, scope["path"], status, note.detail
            )  # fmt: skip

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start" and not noted:
                await keep(message["status"])
            await send(message)

        try:
            await self.app(scope, receive, send_noted)
        except Exception:
            if not noted:
                await keep(500)
            raise
