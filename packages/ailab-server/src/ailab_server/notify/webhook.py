"""Posting to a chat's incoming webhook: ``{"text": ...}``, which Slack, Mattermost and others take.

The address comes from the config file and from nowhere else, so nobody can make the server call one of theirs. A
chat in the local network is fine, which is why private addresses are called. Link-local ones are not: there
clouds keep the machine's credentials. The address that was looked at is the one that is called, redirects are
not followed, and of the answer only the status is told.
"""

import http.client
import ipaddress
import json
import socket
import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

__all__ = ["MOST_LINES", "DeliveryError", "chat_text", "post"]

MOST_LINES = 20
_SECONDS = 10.0


class DeliveryError(Exception):
    """A message could not be delivered; says why, and no more of the address than its host."""


def chat_text(lines: Sequence[str]) -> str:
    """``lines`` as the text of a message in which nothing that a run calls itself is a link or calls anyone."""
    shown = [_plain(line) for line in lines[:MOST_LINES]]
    if len(lines) > MOST_LINES:
        shown.append(f"and {len(lines) - MOST_LINES} more")
    return "\n".join(shown)


def post(url: str, text: str) -> None:
    """Post ``text``.

    Raises:
        DeliveryError: it was not taken.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    body = json.dumps({"text": text}).encode()
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection = _connect(parts.scheme, host, parts.port)
        try:
            connection.request("POST", target, body, {"Content-Type": "application/json", "User-Agent": "ailab-server"})
            status = connection.getresponse().status
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise DeliveryError(f"the webhook at {host} cannot be reached: {error or type(error).__name__}") from None
    if not 200 <= status < 300:
        raise DeliveryError(f"the webhook at {host} answered {status}")


def _connect(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    port = port or (443 if scheme == "https" else 80)
    last: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        _check_address(str(address[0]))
        plain = socket.socket(family, kind, protocol)
        plain.settimeout(_SECONDS)
        try:
            plain.connect(address)
            if scheme == "https":
                plain = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        except OSError as error:
            plain.close()
            last = error
            continue
        connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
        connection.sock = plain
        return connection
    raise last if last is not None else OSError("no address is known for it")


def _check_address(text: str) -> None:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        raise OSError(f"{address} is no address of a webhook")


def _plain(line: str) -> str:
    text = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A zero-width space: a run called "@channel" wakes nobody.
    return text.replace("@", "@\u200b")
