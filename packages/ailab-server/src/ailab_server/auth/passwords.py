"""Password hashes: scrypt, written as ``scrypt$n$r$p$salt$digest`` (both in URL-safe base64), and argon2.

Argon2's have their usual form, ``$argon2id$v=19$m=...,t=...,p=...$salt$digest``, and need the library argon2-cffi.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = [
    "Argon2Hash",
    "Hash",
    "MissingLibrary",
    "PasswordHash",
    "argon2_hash",
    "hash_password",
    "is_hash",
    "parse_hash",
]

PREFIX = "scrypt$"
_ARGON2 = ("$argon2id$", "$argon2i$", "$argon2d$")

# 16 MiB and some 40 ms on a desktop: dear enough for a guesser behind the back-off, and a login stays under
# 100 ms.
_N, _R, _P = 2**14, 8, 1
_MAX_MEMORY = 256 * 2**20


_ARGON2_FORM = re.compile(
    r"\$argon2(?:id|i|d)\$v=\d{1,3}\$m=(\d{1,9}),t=(\d{1,4}),p=(\d{1,3})\$[A-Za-z0-9+/]{11,88}\$([A-Za-z0-9+/]{22,88})"
)


class MissingLibrary(ValueError):
    """A hash is of a kind that needs a library which is not installed; the message names it."""


class Hash(Protocol):
    """A password's hash, of any kind."""

    def matches(self, password: str) -> bool:
        """Whether ``password`` is the one; takes as long for a wrong one. Slow: not for the event loop."""

    def decoy(self) -> "Hash":
        """A hash that takes as long and that no password matches."""


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """A salted scrypt digest and its cost."""

    n: int
    r: int
    p: int
    salt: bytes
    digest: bytes

    def matches(self, password: str) -> bool:
        """Whether ``password`` is the one; takes as long for a wrong one. Slow: not for the event loop."""
        return hmac.compare_digest(_scrypt(password, self.salt, self.n, self.r, self.p, len(self.digest)), self.digest)

    def decoy(self) -> "PasswordHash":
        """A hash that takes as long and that no password matches."""
        return PasswordHash(self.n, self.r, self.p, secrets.token_bytes(16), secrets.token_bytes(len(self.digest)))

    def __str__(self) -> str:
        salt, digest = (base64.urlsafe_b64encode(part).decode() for part in (self.salt, self.digest))
        return f"{PREFIX}{self.n}${self.r}${self.p}${salt}${digest}"

    def __repr__(self) -> str:
        return "PasswordHash(...)"


@dataclass(frozen=True, slots=True)
class Argon2Hash:
    """A hash that argon2-cffi checks."""

    text: str

    def matches(self, password: str) -> bool:
        """Whether ``password`` is the one; takes as long for a wrong one. Slow: not for the event loop."""
        argon2 = _argon2()
        try:
            return bool(argon2.PasswordHasher().verify(self.text, password.encode("utf-8", "surrogatepass")))
        except argon2.exceptions.VerificationError:
            return False

    def decoy(self) -> "Argon2Hash":
        """A hash that takes as long and that no password matches."""
        head, digest = self.text.rsplit("$", 1)
        length = len(base64.b64decode(digest + "=" * (-len(digest) % 4)))
        return Argon2Hash(f"{head}${base64.b64encode(secrets.token_bytes(length)).decode().rstrip('=')}")

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return "Argon2Hash(...)"


def is_hash(text: str) -> bool:
    """Whether a config's entry is meant to be a hash; any other is a password."""
    return text.startswith((PREFIX, *_ARGON2))


def argon2_hash(password: str) -> Argon2Hash:
    """The argon2id hash of ``password``, with 64 MiB. Slow on purpose.

    Raises:
        MissingLibrary: argon2-cffi is not installed.
    """
    hasher = _argon2().PasswordHasher(time_cost=2, memory_cost=2**16, parallelism=1)
    return Argon2Hash(hasher.hash(password.encode("utf-8", "surrogatepass")))


def hash_password(password: str) -> PasswordHash:
    """The hash of ``password`` under a fresh salt. Slow on purpose."""
    salt = secrets.token_bytes(16)
    return PasswordHash(_N, _R, _P, salt, _scrypt(password, salt, _N, _R, _P, 32))


def parse_hash(text: str) -> Hash:
    """The hash that ``str(hash_password(...))`` or an argon2 library wrote.

    Raises:
        MissingLibrary: it is argon2's, and argon2-cffi is not installed.
        ValueError: it is not one, or its cost is one that no sane program wrote.
    """
    if text.startswith(_ARGON2):
        return _parse_argon2(text)
    try:
        name, n, r, p, salt, digest = text.split("$")
        found = PasswordHash(int(n), int(r), int(p), _decode(salt), _decode(digest))
    except (ValueError, binascii.Error):
        raise ValueError("is no password hash as `ailab-server hash-password` writes it") from None
    good_cost = found.n > 1 and found.n & (found.n - 1) == 0 and found.r > 0 and 0 < found.p <= 16
    if name + "$" != PREFIX or not good_cost or 128 * found.n * found.r > _MAX_MEMORY // 2:
        raise ValueError("is a password hash of an unknown kind or cost; make one with `ailab-server hash-password`")
    if len(found.salt) < 8 or not 16 <= len(found.digest) <= 64:
        raise ValueError("is a password hash that was cut short; make one with `ailab-server hash-password`")
    return found


def _parse_argon2(text: str) -> Argon2Hash:
    match = _ARGON2_FORM.fullmatch(text)
    if match is None:
        raise ValueError("is no password hash as argon2 writes it; make one with `ailab-server hash-password --argon2`")
    memory, time, lanes = (int(part) for part in match.groups()[:3])
    if not (8 * lanes <= memory <= _MAX_MEMORY // 1024 and 1 <= time <= 20 and 1 <= lanes <= 16):
        raise ValueError("is an argon2 hash of a cost that no login should take: at most 256 MiB, t=20, p=16")
    _argon2()
    return Argon2Hash(text)


def _argon2() -> Any:
    try:
        import argon2
    except ModuleNotFoundError as error:
        if error.name != "argon2":
            raise
        raise MissingLibrary('is argon2\'s, which needs a library: pip install "ailab-server[argon2]"') from None
    return argon2


def _decode(text: str) -> bytes:
    return base64.b64decode(text, altchars=b"-_", validate=True)


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int, length: int) -> bytes:
    # surrogatepass: a lone surrogate in a typed password is a wrong password, not an error.
    secret = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, dklen=length, maxmem=_MAX_MEMORY)
