"""Who reads the samples of a batch: the thread that makes it, or others that it spreads them over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

__all__ = ["Read", "Spread", "reading_by", "spread_here"]

Read: TypeAlias = Callable[[Sequence[int]], list[Any]]
Spread: TypeAlias = Callable[[Read, Sequence[int]], list[Any]]


class _Here(threading.local):
    """Who reads the samples that this thread asks for; None: this thread itself."""

    spread: Spread | None = None


_here = _Here()


def spread_here() -> Spread | None:
    """What `reading_by` has set in this thread."""
    return _here.spread


@contextmanager
def reading_by(spread: Spread) -> Iterator[None]:
    """Within the block, `read_samples` in this thread is ``spread(read, indices)``.

    It may call ``read`` for parts of the indices in other threads, and gives all samples in the indices' order.
    """
    before = _here.spread
    _here.spread = spread
    try:
        yield
    finally:
        _here.spread = before
