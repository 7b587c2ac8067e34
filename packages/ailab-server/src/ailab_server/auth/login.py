"""Checking a user's password: off the event loop, equally slow for a user who does not exist."""

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from ailab_server.auth.backoff import Backoff, source
from ailab_server.auth.passwords import Hash, hash_password
from ailab_server.auth.turns import Crowded, Turns

__all__ = ["Authenticator", "LoginRefused", "TooManyTries"]


class LoginRefused(Exception):
    """User or password is wrong; which of them is not told."""


class TooManyTries(Exception):
    """Wait ``seconds`` before the next try."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Authenticator:
    """Knows the users' password hashes.

    A try that the back-off refuses costs no hash; of the others two at a time are hashed, in turns that are fair
    between addresses (`Turns`).
    """

    _AT_ONCE = 2
    _MOST_WAITING = 64
    _MOST_FAMILIAR = 1_000

    def __init__(self, users: Mapping[str, Hash], backoff: Backoff | None = None) -> None:
        self._users = dict(users)
        self._backoff = backoff if backoff is not None else Backoff()
        # For a name that is no user's a hash is checked too, of the kind and cost of one of the users': which one, a
        # name always has for itself. So names that are none do not differ from those that are.
        self._decoys = [known.decoy() for known in self._users.values()] or [hash_password(secrets.token_urlsafe())]
        self._key = secrets.token_bytes(32)
        # Its own threads: hashing neither blocks the event loop nor the routes' threads.
        self._threads = ThreadPoolExecutor(max_workers=self._AT_ONCE, thread_name_prefix="ailab-login")
        self._turns = Turns(self._AT_ONCE, self._MOST_WAITING)
        self._familiar: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def check(self, user: str, password: str, address: str) -> None:
        """Return when ``password`` is that of ``user``, who asks from ``address``.

        Raises:
            TooManyTries: too many wrong ones, from here and for this user; or too many logins at the moment.
            LoginRefused: it is not.
        """
        wait = self._backoff.charge(user, address)
        if wait > 0:
            raise TooManyTries(wait)
        known = self._users.get(user)
        try:
            async with self._turns.turn(source(address), (user, address) in self._familiar):
                loop = asyncio.get_running_loop()
                check = (known or self._decoy(user)).matches
                right = await loop.run_in_executor(self._threads, check, password)
        except Crowded:
            self._backoff.refund(user, address)
            raise TooManyTries(1.0) from None
        if known is None or not right:
            raise LoginRefused
        self._backoff.forgive(user, address)
        self._familiar[user, address] = None
        self._familiar.move_to_end((user, address))
        if len(self._familiar) > self._MOST_FAMILIAR:
            self._familiar.popitem(last=False)

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _decoy(self, user: str) -> Hash:
        digest = hashlib.blake2b(user.encode("utf-8", "surrogatepass"), key=self._key, digest_size=8).digest()
        return self._decoys[int.from_bytes(digest) % len(self._decoys)]
