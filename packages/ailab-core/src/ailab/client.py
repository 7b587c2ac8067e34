"""Talking to an ailab-server from Python, with nothing but the standard library."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlsplit

__all__ = ["Client", "ServerError"]

_SECONDS = 30


class ServerError(RuntimeError):
    """The server could not be reached or refused. ``status`` is the HTTP status, None without an answer."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """A user of one server, logged in.

    Args:
        address: such as ``https://gpu1:12345``. For a certificate that the system does not know, the environment
            variable ``SSL_CERT_FILE`` names the CA's file.
        user, password: as in the server's config file.

    Raises:
        ValueError: the address is no http or https address.
        ServerError: the server cannot be reached, or refuses the login.
    """

    def __init__(self, address: str, user: str, password: str) -> None:
        if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
            raise ValueError(f"address must be like http://host:12345, got {address!r}")
        self.address = address.rstrip("/")
        self._token: str | None = None
        self._token = self._call("POST", "/login", {"user": user, "password": password})["token"]

    def close(self) -> None:
        """Log out: the token is dead on the server too."""
        if self._token is not None:
            self._call("POST", "/logout")
            self._token = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def system(self) -> dict[str, Any]:
        """The server's state: name, version, workspace, GPUs."""
        return dict(self._call("GET", "/system"))

    def runs(self) -> list[dict[str, Any]]:
        """A summary of every run, newest first."""
        return list(self._call("GET", "/runs")["runs"])

    def tasks(self) -> list[dict[str, Any]]:
        """The queue: waiting, running and ended tasks, newest first."""
        return list(self._call("GET", "/tasks")["tasks"])

    def add_task(self, command: Sequence[str], folder: str, gpus: int = 1, name: str | None = None) -> dict[str, Any]:
        """Queue ``command`` (an argument list) to run in ``folder`` on the server's machine with ``gpus`` GPUs."""
        task = {"command": list(command), "folder": folder, "gpus": gpus} | ({"name": name} if name is not None else {})
        return dict(self._call("POST", "/tasks", task))

    def stop_task(self, id: str) -> dict[str, Any]:
        """Take a queued task out of the queue, or end a running one with all its processes."""
        return dict(self._call("POST", f"/tasks/{quote(id, safe='')}/stop"))

    def _call(self, method: str, path: str, content: object = None) -> Any:
        data = None if content is None else json.dumps(content).encode()
        if method == "POST" and data is None:
            data = b"{}"
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(f"{self.address}/api/v1{path}", data, headers, method=method)
        # No proxy: a server on the LAN is never behind one, and the password must not pass through it.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_SECONDS) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise ServerError(f"{self.address} refused: {_detail(error)}", error.code) from None
        except (OSError, urllib.error.URLError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise ServerError(
                    f"the certificate of {self.address} is not trusted here: {reason.verify_message}; copy the ca.pem"
                    " that the server names when it starts, and set SSL_CERT_FILE to it"
                ) from None
            raise ServerError(f"cannot reach {self.address}: {reason}; is ailab-server running there?") from None
        try:
            return json.loads(body) if body else None
        except ValueError:
            raise ServerError(f"{self.address} did not answer like an ailab-server") from None


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        problem = json.loads(error.read())
        return str(problem.get("detail") or problem["title"])
    except (ValueError, KeyError, AttributeError, OSError):
        return f"{error.code} {error.reason}"
