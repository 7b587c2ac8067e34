"""How long the consumer of batches waits for them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

__all__ = ["Waiting"]

T = TypeVar("T")


class Waiting:
    """The time of one pass over batches, as its consumer spends it.

    Attributes:
        waited: seconds until batches came, the start of workers included.
        used: seconds between getting one and asking for the next, as of a training step.
        batches: how many there were.
    """

    def __init__(self) -> None:
        self.waited = 0.0
        self.used = 0.0
        self.batches = 0

    @property
    def fraction(self) -> float:
        """The share of the time that was spent waiting, 0 to 1; 0 before the first batch."""
        total = self.waited + self.used
        return self.waited / total if total else 0.0

    def measured(self, batches: Iterable[T]) -> Iterator[T]:
        """Yield ``batches`` and count."""
        clock = time.perf_counter
        asked = clock()
        for batch in batches:
            got = clock()
            self.waited += got - asked
            self.batches += 1
            yield batch
            asked = clock()
            self.used += asked - got
        self.waited += clock() - asked
