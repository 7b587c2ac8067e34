"""Looking at many runs whose files are slow to open: several at a time, where it pays."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["THREADS", "each"]

THREADS = 16
"""Looks that wait at the same time. A share's server answers so many in about the time of one."""
_AT_A_TIME = 8
"""Items that are looked at one by one before it is decided whether threads pay, and then again."""
_LEAST = 0.001
"""Seconds that a look waits, on average, if threads are to pay."""
_TIMES = 3.0
"""How much longer than the processor works."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def each(items: Iterable[_Item], look: Callable[[_Item], _Result]) -> Iterator[_Result]:
    """``look`` of every item, in the items' order.

    Files that are in memory are read fastest by one thread, as Python's lock lets no two work at once; over a network
    nearly all of the time is waiting, which many threads do together. So items are looked at one by one, and the clock
    is compared with the processor's time; once it was mostly waiting, `THREADS` threads look at the rest, some items
    ahead of whoever takes the results. What ``look`` raises is raised in its item's turn.
    """
    rest = iter(items)
    while True:
        count, waited, worked = 0, 0.0, 0.0
        for item in islice(rest, _AT_A_TIME):
            began, busy = time.perf_counter(), time.thread_time()
            result = look(item)
            took, busy = time.perf_counter() - began, time.thread_time() - busy
            count, waited, worked = count + 1, waited + took - busy, worked + busy
            yield result
        if count < _AT_A_TIME:
            return
        if waited > max(_LEAST * count, _TIMES * worked):
            break
    yield from _together(rest, look)


def _together(items: Iterator[_Item], look: Callable[[_Item], _Result]) -> Iterator[_Result]:
    from concurrent.futures import ThreadPoolExecutor

    ahead: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="ailab-reading") as threads:
        try:
            for item in items:
                ahead.append(threads.submit(look, item))
                if len(ahead) > 2 * THREADS:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()  # somebody wants no more of them
