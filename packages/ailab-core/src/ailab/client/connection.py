"""One user's connection to a server: logging in, asking, and what errors become."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

__all__ = ["Answer", "Connection", "Query", "ServerError", "quoted"]

_SECONDS = 30

Query = Mapping[str, str | int | float | bool | Sequence[str] | None]
"""What stands after the question mark: None is left out, a sequence is repeated."""


class ServerError(RuntimeError):
    """The server could not be reached or refused. ``status`` is the HTTP status, None without an answer."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Connection:
    """A user of one server, logged in; again when the login has ended, by time or because the server was restarted.

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
        self._credentials = {"user": user, "password": password}
        self._token: str | None = None
        self._closed = False
        self._log_in()

    def close(self) -> None:
        """Log out: the token is dead on the server too."""
        if self._closed:
            return
        try:
            self._call("POST", "/logout")
        except ServerError as error:
            if error.status != 401:  # it had ended already
                raise
        self._closed = True
        self._credentials = {}

    def _log_in(self) -> None:
        self._token = None
        self._token = self._call("POST", "/login", self._credentials)["token"]

    def _call(
        self, method: str, path: str, content: object = None, query: Query | None = None, seconds: float = _SECONDS
    ) -> Any:
        """Ask, and return the JSON of the answer; None for an empty one. Arguments and errors as for `_opened`."""
        with self._opened(method, path, content, query, seconds) as answer:
            return answer.json()

    @contextmanager
    def _opened(
        self, method: str, path: str, content: object = None, query: Query | None = None, seconds: float = _SECONDS
    ) -> Iterator[Answer]:
        """Ask; within the block, the answer to read from.

        Args:
            path: below ``/api/v1``, its parts quoted.
            seconds: that may pass without a byte.

        Raises:
            ServerError: the server cannot be reached, or refuses.
        """
        if self._closed:
            raise ServerError(f"the connection to {self.address} was closed")
        data = None if content is None else json.dumps(content).encode()
        if method == "POST" and data is None:
            data = b"{}"
        address = f"{self.address}/api/v1{path}{_written(query or {})}"
        try:
            response = self._response(method, address, data, seconds)
        except ServerError as error:
            if error.status != 401 or path in ("/login", "/logout"):
                raise
            self._log_in()
            response = self._response(method, address, data, seconds)
        with response:
            yield Answer(response, self.address)

    def _response(self, method: str, address: str, data: bytes | None, seconds: float) -> HTTPResponse:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(address, data, headers, method=method)
        # No proxy: a server on the LAN is never behind one, and the password must not pass through it.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)
        with _explained(self.address):
            return cast(HTTPResponse, opener.open(request, timeout=seconds))


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """No ailab-server redirects; whatever does must not get the token."""

    def redirect_request(self, *_: object) -> None:
        return None


class Answer:
    """The body of an answer, to be read piece by piece."""

    def __init__(self, response: HTTPResponse, address: str) -> None:
        self._response = response
        self._address = address

    def read(self, most: int | None = None) -> bytes:
        """The next bytes, at most so many; all that is left without a number, and none at the end.

        Raises:
            ServerError: the server went away in the middle.
        """
        with _explained(self._address):
            data = self._response.read(most)
            if most and not data and self._response.length:  # which http.client takes for the end
                raise IncompleteRead(b"", self._response.length)
            return data

    def line(self) -> bytes:
        """The next line with its end; without one if the answer ended in it.

        Raises:
            ServerError: the server went away, or sends nothing.
        """
        with _explained(self._address):
            return self._response.readline()

    def json(self) -> Any:
        """The whole of it as JSON; None for an empty one."""
        body = self.read()
        try:
            return json.loads(body) if body else None
        except ValueError:
            raise ServerError(f"{self._address} did not answer like an ailab-server") from None

    def pieces(self, most: int = 1 << 20) -> Iterator[bytes]:
        """All that is left, in pieces."""
        while piece := self.read(most):
            yield piece


@contextmanager
def _explained(address: str) -> Iterator[None]:
    try:
        yield
    except urllib.error.HTTPError as error:
        with error:
            raise ServerError(f"{address} refused: {_detail(error)}", error.code) from None
    except HTTPException as error:
        raise ServerError(f"{address} did not send the whole answer: {error!r}") from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise ServerError(
                f"the certificate of {address} is not trusted here: {reason.verify_message}; copy the ca.pem"
                " that the server names when it starts, and set SSL_CERT_FILE to it"
            ) from None
        raise ServerError(f"cannot reach {address}: {reason}; is ailab-server running there?") from None


def quoted(part: str) -> str:
    """An id as a part of a path."""
    return quote(part, safe="")


def _written(query: Query) -> str:
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        values = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        pairs += [(name, str(one).lower() if isinstance(one, bool) else str(one)) for one in values if one is not None]
    return f"?{urlencode(pairs)}" if pairs else ""


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        problem = json.loads(error.read())
        return str(problem.get("detail") or problem["title"])
    except (ValueError, KeyError, AttributeError, OSError):
        return f"{error.code} {error.reason}"
