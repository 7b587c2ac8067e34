"""Bearer tokens: random, kept as hashes in memory, ended by time or by logging out."""

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Login", "Tokens"]


@dataclass(frozen=True, slots=True)
class Login:
    """One valid token's owner. ``key`` is the token's hash: enough to end it, useless to pass as it."""

    key: bytes
    user: str
    ends: float
    """When it ends on the monotonic clock, which no change of the machine's date moves."""


class Tokens:
    """All valid tokens. Safe to use from several threads."""

    LIFETIME = 7 * 24 * 3600.0
    _MOST = 10_000

    def __init__(self, clock: Callable[[], float] = time.monotonic, lifetime: float = LIFETIME) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._logins: OrderedDict[bytes, Login] = OrderedDict()
        self._lock = threading.Lock()

    def issue(self, user: str) -> tuple[str, float]:
        """A new token for ``user``, and when it expires (seconds since the epoch)."""
        token = secrets.token_urlsafe(32)
        login = Login(_hash(token), user, self._clock() + self._lifetime)
        with self._lock:
            self._logins[login.key] = login
            # All live equally long, so the oldest is first: drop what is over, and stay bounded whoever logs
            # in how often.
            while self._logins:
                oldest = next(iter(self._logins.values()))
                if oldest.ends > self._clock() and len(self._logins) <= self._MOST:
                    break
                del self._logins[oldest.key]
        return token, time.time() + self._lifetime

    def check(self, token: str) -> Login | None:
        """The login that ``token`` belongs to, or None for one that never was or is over."""
        # The look-up is by the token's hash: its timing says nothing about a token that begins alike.
        return self.get(_hash(token))

    def get(self, key: bytes) -> Login | None:
        """The login with this ``key`` while it is valid."""
        with self._lock:
            login = self._logins.get(key)
            if login is not None and login.ends <= self._clock():
                del self._logins[key]
                return None
            return login

    def revoke(self, key: bytes) -> None:
        """End a login at once."""
        with self._lock:
            self._logins.pop(key, None)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
