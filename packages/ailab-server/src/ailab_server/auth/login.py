"""Checking a user's password: off the event loop, equally slow for a user who does not exist."""

import asyncio
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from ailab_server.auth.backoff import Backoff
from ailab_server.auth.passwords import PasswordHash, hash_password

__all__ = ["Authenticator", "LoginRefused", "TooManyTries"]


class LoginRefused(Exception):
    """User or password is wrong; which of them is not told."""


class TooManyTries(Exception):
    """Wait ``seconds`` before the next try."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Authenticator:
    """Knows the users' password hashes."""

    _MOST_WAITING = 64

    def __init__(self, users: Mapping[str, PasswordHash], backoff: Backoff | None = None) -> None:
        self._users = dict(users)
        self._backoff = backoff if backoff is not None else Backoff()
        self._nobody = hash_password(secrets.token_urlsafe())
        # Its own two threads: hashing neither blocks the event loop nor the routes' threads.
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="ailab-login")
        self._waiting = 0

    async def check(self, user: str, password: str, address: str) -> None:
        """Return when ``password`` is that of ``user``, who asks from ``address``.

        Raises:
            TooManyTries: too many wrong ones, from here and for this user.
            LoginRefused: it is not.
        """
        wait = self._backoff.charge(user, address)
        if wait > 0:
            raise TooManyTries(wait)
        if self._waiting >= self._MOST_WAITING:
            raise TooManyTries(1.0)
        known = self._users.get(user)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            right = await loop.run_in_executor(self._threads, (known or self._nobody).matches, password)
        finally:
            self._waiting -= 1
        if known is None or not right:
            raise LoginRefused
        self._backoff.forgive(user, address)

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)
