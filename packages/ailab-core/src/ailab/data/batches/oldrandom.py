"""NumPy's and Python's global generators, seeded for each sample, for code that draws from them.

Seeding both takes about 20 µs, which is many times what a small sample takes. So a batch is first read without, and
whether the generators have moved is seen from their memory, in less than a microsecond a batch. If they have, the
batch is read once more with seeds, and from then on every batch of that loader is seeded before it is read.
"""

from __future__ import annotations

import ctypes
import random
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ailab.data.randomness import seeding

__all__ = ["read_seeded"]

T = TypeVar("T")
WORDS = 624  # of the Mersenne Twister's state, in both; before (Python) or after them (NumPy) lies the position in them
SIZE = (WORDS + 1) * 4
MARK = 8  # bytes: the position and the word beside it

# One at a time: the generators are the whole process's. Reentrant: a dataset may itself read from a loader.
_lock = threading.RLock()


def read_seeded(read: Callable[[], T], used: bool) -> tuple[T, bool]:
    """What ``read`` returns, as if the global generators had been seeded, and whether they are in use.

    ``used``: whether they are known to be. Afterwards they are as they were before.

    Threads that read for one loader wait for one another while the generators are in use. A thread that draws
    from them meanwhile for something else disturbs them, as it always has.
    """
    if type(_numpys()) is not np.random.MT19937:
        return read(), False  # somebody has given NumPy a generator of their own: it is theirs to seed
    if not used:
        before = _mark()
        error: Exception | None = None
        result: Any = None
        if before is not None:
            state = _state(before)
            try:
                result = read()
            except Exception as raised:  # noqa: BLE001 - raised below, unless seeds might have prevented it
                error = raised
            if _mark() == before:
                if error is not None:
                    raise error
                return result, False
            _restore(state)
    with _lock:
        old, new = random.getstate(), np.random.get_state()
        try:
            with seeding():
                return read(), True
        finally:
            random.setstate(old)
            np.random.set_state(new)


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


def _mark() -> Mark | None:
    """Eight bytes of each state, which no draw leaves as they are; None if there is no quick way to them.

    A draw moves the position. One that brings it round to the same place has made all words anew, of which one is
    here: there is one chance in 4 billion that it is the same.
    """
    global _known
    bits = _numpys()
    if _known is None or _known[0] is not bits:
        found = _addresses(bits)
        marks = found and tuple(map(ctypes.c_uint64.from_address, (found[0], found[1] + SIZE - MARK)))
        _known = bits, found, marks
    marks = _known[2]
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
