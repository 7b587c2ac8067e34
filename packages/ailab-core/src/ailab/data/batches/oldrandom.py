"""NumPy's and Python's global generators, seeded for each sample, for code that draws from them.

Seeding both takes about 20 µs, which is many times what a small sample takes. So a batch is first read without, and
whether the generators have moved is seen from their memory, in less than a microsecond a batch. If they have, the
batch is read once more with seeds, and from then on every batch of that loader is seeded before it is read.
"""

from __future__ import annotations

import ctypes
import os
import random
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

from ailab.data.randomness import seeding

__all__ = ["Draws"]

T = TypeVar("T")
WORDS = 624  # of the Mersenne Twister's state, in both; before (Python) or after them (NumPy) lies the position in them
SIZE = (WORDS + 1) * 4
MARK = 8  # bytes: the position and the word beside it

# One at a time: the generators are the whole process's. Reentrant: a dataset may itself read from a loader.
_lock = threading.RLock()


class Draws:
    """Whether a dataset draws from the global generators, as far as its batches have shown.

    Attributes:
        used: it does.
    """

    def __init__(self, used: bool = False) -> None:
        self.used = used
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._underway: list[int] = []  # threads that read without seeds
        self._fewer = threading.Condition()

    def __reduce__(self) -> Any:
        return Draws, (self.used,)

    def read(self, read: Callable[[], T]) -> T:
        """What ``read`` returns, as if the global generators had been seeded. Afterwards they are as they were before.

        Threads that read for one loader wait for one another once it is known to draw. A thread that draws meanwhile
        for something else disturbs them, as it always has.
        """
        bits = _numpys()
        if type(bits) is not np.random.MT19937:
            return read()  # somebody has given NumPy a generator of their own: it is theirs to seed
        state = None
        if not self.used:
            before = _mark(bits)
            if before is not None:
                state = _state(before)
                result, error = self._unseeded(read)
                # Where another thread has found out meanwhile, it may have put the generators back.
                if _mark(_numpys()) == before and not self.used:
                    if error is not None:  # else seeds might have prevented it
                        raise error
                    return cast(T, result)
            state = None if self.used else state  # the thread that was first puts them back
            self.used = True
            self._wait_for_others()
        with _lock:
            if state is not None:
                _restore(state)
            old, new = random.getstate(), np.random.get_state()
            try:
                with seeding():
                    return read()
            finally:
                random.setstate(old)
                np.random.set_state(new)

    def _unseeded(self, read: Callable[[], T]) -> tuple[T | None, Exception | None]:
        if self._process != os.getpid():  # threads of the parent's do not go on in a fork
            self._begin()
        me = threading.get_ident()
        self._underway.append(me)
        try:
            return read(), None
        except Exception as error:  # noqa: BLE001 - raised by `read`, unless seeds prevent it
            return None, error
        finally:
            self._underway.remove(me)
            if self.used:
                with self._fewer:
                    self._fewer.notify_all()

    def _wait_for_others(self) -> None:
        """Until nobody draws without seeds; from now on nobody begins to."""
        me = threading.get_ident()
        with self._fewer:
            self._fewer.wait_for(lambda: all(thread == me for thread in list(self._underway)))


def _numpys() -> Any:
    return np.random.get_bit_generator()  # type: ignore[attr-defined]  # missing in NumPy's stubs


def _addresses(bits: Any) -> tuple[int, int] | None:
    """Where the states of Python's and NumPy's generator lie; None if not where they are expected."""
    if sys.implementation.name != "cpython":
        return None
    python: Any = random._inst
    found = id(python) + object.__basicsize__, int(bits.ctypes.state_address)
    ours, theirs = (ctypes.string_at(address, SIZE) for address in found)
    words = np.array(random.getstate()[1], np.uint32)  # the position comes last here, and first in memory
    state: Any = np.random.get_state()
    if ours != np.roll(words, 1).tobytes():
        return None
    return found if theirs == np.append(state[1], state[2]).astype(np.uint32).tobytes() else None


Mark = tuple[int, int]
State = tuple[bytes, bytes]
_known: tuple[Any, tuple[int, int] | None, Any] | None = None  # NumPy's generator, the addresses, where the marks are
_kept: tuple[Mark, State] | None = None


def _mark(bits: Any) -> Mark | None:
    """Eight bytes of each state, which no draw leaves as they are; None if there is no quick way to them.

    NumPy's state is that of ``bits``. A draw moves the position. One that brings it round to the same place has made
    all words anew, of which one is here: there is one chance in 4 billion that it is the same.
    """
    global _known
    known = _known
    if known is None or known[0] is not bits:
        found = _addresses(bits)
        marks = found and tuple(map(ctypes.c_uint64.from_address, (found[0], found[1] + SIZE - MARK)))
        known = _known = bits, found, marks
    marks = known[2]
    return None if marks is None else (marks[0].value, marks[1].value)


def _state(mark: Mark) -> State:
    """A copy of both states, which have this mark."""
    global _kept
    kept = _kept
    if kept is None or kept[0] != mark:  # somebody has drawn, which is rare between batches
        assert _known is not None
        assert _known[1] is not None
        kept = _kept = mark, (ctypes.string_at(_known[1][0], SIZE), ctypes.string_at(_known[1][1], SIZE))
    return kept[1]


def _restore(state: State) -> None:
    # Written through the public functions, though read from memory. A normal number kept for later is forgotten.
    ours, theirs = (np.frombuffer(part, np.uint32) for part in state)
    random.setstate((3, tuple(np.roll(ours, -1).tolist()), None))
    np.random.set_state(("MT19937", theirs[:WORDS], int(theirs[WORDS]), 0, 0.0))
