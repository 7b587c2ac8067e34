"""Which pages may read this server's answers (CORS): the local network's, and what the config adds.

Tokens travel in a header, never in a cookie, so a page gains nothing from a visitor's browser that it could
not do itself; the list still keeps strange pages from probing a server that only the visitor's network
reaches.
"""

import ipaddress
import re
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ailab_server.errors import problem

__all__ = ["CrossOrigin", "is_local_origin", "parse_origin"]

_ORIGIN = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?", re.IGNORECASE)
_NAME = re.compile(r"(?=.*[a-z])[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_LOCAL_SUFFIXES = (".localhost", ".local", ".lan", ".home.arpa", ".internal")
_LOCAL_NETWORKS = [
    ipaddress.ip_network(text)
    for text in (
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
        "::1/128", "fc00::/7", "fe80::/10",
    )
]  # fmt: skip


def parse_origin(text: str) -> tuple[str, str, int] | None:
    """``https://name:8443`` as (scheme, host, port), lower case.

    None for anything else, ``null`` among it.
    """
    match = _ORIGIN.fullmatch(text)
    if match is None:
        return None
    scheme = match[1].lower()
    port = int(match[3]) if match[3] else {"http": 80, "https": 443}[scheme]
    return (scheme, match[2].lower(), port) if port <= 65535 else None


def is_local_origin(host: str) -> bool:
    """Whether an origin's ``host`` lies on the machine or its local network, judged by the name alone."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        name = host.removesuffix(".")
        if not _NAME.fullmatch(name):
            return False
        # A name without a dot is resolved by the local network, unless it looks like a number to some
        # resolver.
        single = "." not in name and not name.startswith("0x")
        return single or name.endswith(_LOCAL_SUFFIXES)
    return any(address in network for network in _LOCAL_NETWORKS if network.version == address.version)


class CrossOrigin:
    """Answers preflights, marks answers as readable by allowed origins, and refuses the others with 403."""

    def __init__(self, app: ASGIApp, allowed: Iterable[str] = ()) -> None:
        self.app = app
        listed = list(allowed)
        self._any = "*" in listed
        self._listed = {parse_origin(origin) for origin in listed} - {None}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origins = headers.getlist("origin")

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                marked = MutableHeaders(scope=message)
                marked.add_vary_header("Origin")
                if origins:
                    marked["Access-Control-Allow-Origin"] = origins[0]
                    marked["Access-Control-Expose-Headers"] = "Retry-After"
            await send(message)

        if not origins:
            await self.app(scope, receive, send_marked)
        elif len(origins) > 1 or not self._allows(origins[0], str(scope.get("scheme")), headers.get("host", "")):
            refusal = problem(
                403,
                "a page from this origin may not use this server; its config's allowed_origins can name it",
                {"Vary": "Origin", "Connection": "close"},
            )
            await refusal(scope, receive, send)
        elif scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await send_marked({"type": "http.response.start", "status": 204, "headers": _preflight(headers)})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self.app(scope, receive, send_marked)

    def _allows(self, origin: str, scheme: str, host: str) -> bool:
        parsed = parse_origin(origin)
        if parsed is None:
            return False
        own = parse_origin(f"{scheme}://{host}")
        return self._any or parsed == own or parsed in self._listed or is_local_origin(parsed[1])


def _preflight(headers: Headers) -> list[tuple[bytes, bytes]]:
    answer = [
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-allow-headers", b"Authorization, Content-Type"),
        (b"access-control-max-age", b"600"),
    ]
    # Chromium asks before a public page may reach into a local network.
    if headers.get("access-control-request-private-network") == "true":
        answer.append((b"access-control-allow-private-network", b"true"))
    return answer
