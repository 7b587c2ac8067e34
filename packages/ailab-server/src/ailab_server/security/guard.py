"""All layers around the app, in their order."""

import logging
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ailab_server.auth import Tokens
from ailab_server.config import ServerConfig
from ailab_server.errors import problem
from ailab_server.manage.audit import Audit
from ailab_server.security.access import TokenCheck
from ailab_server.security.bodies import BodyCheck
from ailab_server.security.headers import SafeHeaders
from ailab_server.security.hosts import HostCheck
from ailab_server.security.origins import CrossOrigin
from ailab_server.security.roles import RoleCheck
from ailab_server.security.site import Site
from ailab_server.security.trail import AuditTrail

__all__ = ["guarded"]

_log = logging.getLogger(__name__)


def guarded(app: ASGIApp, config: ServerConfig, tokens: Tokens, audit: Audit, ui_folder: Path | None) -> ASGIApp:
    """``app`` behind every check. What comes from outside passes from the last line here to the first."""
    app = BodyCheck(app, config.limits.body_bytes)
    app = RoleCheck(app, config.role_of)
    app = AuditTrail(app, audit)
    app = TokenCheck(app, tokens)
    app = Site(app, ui_folder)
    app = CrossOrigin(app, config.allowed_origins)
    app = HostCheck(app, config.allowed_hosts)
    app = LastResort(app)
    return SafeHeaders(app)


class LastResort:
    """Logs an unexpected error in full and tells the caller nothing of it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_noting)
        except Exception:  # noqa: BLE001 - that is what it is for
            _log.exception("%s %s failed", scope["method"], scope["path"])
            if not started:
                await problem(500, "the server made a mistake; its log has the details")(scope, receive, send)
