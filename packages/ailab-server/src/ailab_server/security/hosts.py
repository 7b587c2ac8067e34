"""Answering only to this machine's own names: what stops DNS rebinding.

A hostile page can make its own name resolve to this machine; its requests then carry that name in ``Host``.
An IP address as ``Host`` is fine: no name was resolved, so nobody rebound it.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from ailab_server.errors import problem

__all__ = ["HostCheck", "own_names"]

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?", re.IGNORECASE)


def own_names() -> set[str]:
    """The names under which this machine goes, without asking the network, which may take its time."""
    full = socket.gethostname().lower()
    short = full.partition(".")[0]
    return {name for name in ("localhost", full, short, f"{short}.local") if name}


class HostCheck:
    """Refuses requests whose ``Host`` is missing, doubled or a name that is not ours."""

    def __init__(self, app: ASGIApp, allowed: Iterable[str] = ()) -> None:
        self.app = app
        listed = {name.lower() for name in allowed}
        self._names = own_names() | {name for name in listed if not name.startswith("*.")}
        self._suffixes = (".localhost", *(name[1:] for name in listed if name.startswith("*.")))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
            if len(hosts) != 1 or not self._is_ours(hosts[0]):
                detail = "this server does not go by the name in Host; its config's allowed_hosts can add one"
                await problem(400, detail, {"Connection": "close"})(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match[1].lower().removesuffix(".")
        if name in self._names or name.endswith(self._suffixes):
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True
