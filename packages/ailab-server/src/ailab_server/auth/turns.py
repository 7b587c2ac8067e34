"""Whose password is hashed next, when more wait than processors are to spare for them."""

import asyncio
import contextlib
import random
from collections import OrderedDict
from collections.abc import AsyncIterator

__all__ = ["Crowded", "Turns"]


class Crowded(Exception):
    """Too many wait; try again in a moment."""


class Turns:
    """A bound on what is hashed at once, shared fairly between those who ask.

    Hashing is dear on purpose, so whoever sends wrong passwords by the hundred, under ever new names, could keep
    everybody else waiting. Here one source (an address) has one hash at a time, sources take turns, and when too many
    wait it is the source with the most of them that loses one, by chance. Who has logged in from where they are before
    (``familiar``) goes before all others, so that they are not held up by a stranger who shares their address.

    Args:
        at_once: hashes at a time.
        most: so many may wait.
    """

    def __init__(self, at_once: int = 2, most: int = 64) -> None:
        self._at_once = at_once
        self._most = most
        self._running: dict[str, int] = {}
        self._waiting: OrderedDict[str, list[asyncio.Future[None]]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(len(those) for those in self._waiting.values())

    @contextlib.asynccontextmanager
    async def turn(self, source: str, familiar: bool = False) -> AsyncIterator[None]:
        """Wait for a turn of ``source``, and have it until the block ends.

        Raises:
            Crowded: too many wait, and this one was left out.
        """
        lane = "" if familiar else source  # "" is no address
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.waiting >= self._most:
            self._leave_one_out(lane)
        self._waiting.setdefault(lane, []).append(turn)
        self._next()
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._over(lane)  # it came at the very moment the caller gave up
            else:
                self._forget(lane, turn)
            raise
        try:
            yield
        finally:
            self._over(lane)

    def _next(self) -> None:
        """Give turns away while there are any."""
        while sum(self._running.values()) < self._at_once and self._waiting:
            # The familiar first; then whoever of the others has waited longest for a turn and has none.
            others = (lane for lane in self._waiting if lane not in self._running)
            lane = "" if "" in self._waiting else next(others, None)
            if lane is None:
                return
            those = self._waiting[lane]
            # Within a source by chance: there is no telling who came to guess.
            turn = those.pop(0 if lane == "" else random.randrange(len(those)))
            if not those:
                del self._waiting[lane]
            if turn.done():  # whoever waited has given up
                continue
            self._running[lane] = self._running.get(lane, 0) + 1
            turn.set_result(None)

    def _over(self, lane: str) -> None:
        self._running[lane] -= 1
        if not self._running[lane]:
            del self._running[lane]
        if lane in self._waiting:
            self._waiting.move_to_end(lane)  # behind those who came meanwhile
        self._next()

    def _leave_one_out(self, newcomer: str) -> None:
        count = {lane: len(those) for lane, those in self._waiting.items() if lane != ""}
        count[newcomer] = count.get(newcomer, 0) + 1
        largest = max(count, key=lambda lane: count[lane])
        those = self._waiting.get(largest, [])
        chosen = random.randrange(count[largest])
        if chosen >= len(those):
            raise Crowded
        those[chosen].set_exception(Crowded())
        self._forget(largest, those[chosen])

    def _forget(self, lane: str, turn: "asyncio.Future[None]") -> None:
        those = self._waiting.get(lane, [])
        if turn in those:
            those.remove(turn)
        if lane in self._waiting and not those:
            del self._waiting[lane]
