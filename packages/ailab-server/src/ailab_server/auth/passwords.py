"""Password hashes: scrypt, written as ``scrypt$n$r$p$salt$digest`` (both in URL-safe base64)."""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass

__all__ = ["PREFIX", "PasswordHash", "hash_password", "parse_hash"]

PREFIX = "scrypt$"

# 16 MiB and some 40 ms on a desktop: dear enough for a guesser behind the back-off, and a login stays under
# 100 ms.
_N, _R, _P = 2**14, 8, 1
_MAX_MEMORY = 256 * 2**20


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

    def __str__(self) -> str:
        salt, digest = (base64.urlsafe_b64encode(part).decode() for part in (self.salt, self.digest))
        return f"{PREFIX}{self.n}${self.r}${self.p}${salt}${digest}"

    def __repr__(self) -> str:
        return "PasswordHash(...)"


def hash_password(password: str) -> PasswordHash:
    """The hash of ``password`` under a fresh salt. Slow on purpose."""
    salt = secrets.token_bytes(16)
    return PasswordHash(_N, _R, _P, salt, _scrypt(password, salt, _N, _R, _P, 32))


def parse_hash(text: str) -> PasswordHash:
    """The hash that ``str(hash_password(...))`` wrote.

    Raises:
        ValueError: it is not one, or its cost is one that no sane program wrote.
    """
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


def _decode(text: str) -> bytes:
    return base64.b64decode(text, altchars=b"-_", validate=True)


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int, length: int) -> bytes:
    # surrogatepass: a lone surrogate in a typed password is a wrong password, not an error.
    secret = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, dklen=length, maxmem=_MAX_MEMORY)
