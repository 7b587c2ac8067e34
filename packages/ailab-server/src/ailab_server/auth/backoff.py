"""Slowing down who guesses passwords, without slowing down anyone else."""

import hashlib
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Backoff", "source"]


@dataclass(slots=True)
class _Tries:
    failed: int = 0
    free_at: float = 0.0


class Backoff:
    """Counts failed tries by (user, address): five are free, then the wait doubles, 1 s to five minutes.

    A try is charged *before* the password is checked and forgiven when it was right, so that a burst of
    parallel guesses is counted too. The table is bounded; the entry that was used longest ago goes first.
    """

    FREE = 5
    LONGEST = 300.0
    _SIZE = 10_000

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._table: OrderedDict[bytes, _Tries] = OrderedDict()

    def charge(self, user: str, address: str) -> float:
        """Seconds to wait before ``user`` may try from ``address``; 0.0 counts this try and lets it pass."""
        key = _key(user, address)
        now = self._clock()
        tries = self._table.setdefault(key, _Tries())
        self._table.move_to_end(key)
        if len(self._table) > self._SIZE:
            self._table.popitem(last=False)
        if tries.free_at > now:
            return tries.free_at - now
        tries.failed += 1
        if tries.failed >= self.FREE:
            tries.free_at = now + min(self.LONGEST, 2.0 ** min(tries.failed - self.FREE, 30))
        return 0.0

    def refund(self, user: str, address: str) -> None:
        """A try that was charged has not been checked after all: it does not count."""
        tries = self._table.get(_key(user, address))
        if tries is not None and tries.failed > 0:
            tries.failed -= 1
            tries.free_at = 0.0

    def forgive(self, user: str, address: str) -> None:
        """The password was right: forget the failures."""
        self._table.pop(_key(user, address), None)


def source(address: str) -> str:
    """What counts as one place: an address, or an IPv6 network, since whoever has one address has the 2**64 of it."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return address


def _key(user: str, address: str) -> bytes:
    place = source(address)
    return hashlib.sha256(f"{len(place)}:{place}:{user}".encode("utf-8", "surrogatepass")).digest()
