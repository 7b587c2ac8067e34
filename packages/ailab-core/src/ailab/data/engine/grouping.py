"""How many batches a worker makes at a time, so that handing them over does not cost more than making them."""

from __future__ import annotations

__all__ = ["Grouping"]

MOMENT = 5e-3  # seconds: long beside what a message costs (some 50 µs for both sides), short beside a training step
BYTES = 2**19
INDICES = 4096  # of a group, see `Pool.submit`


class Grouping:
    """Grows from one batch to as many as can be made in a moment.

    Args:
        most: batches in a group.

    Attributes:
        size: batches of the next group.
    """

    def __init__(self, most: int) -> None:
        self.size = 1
        self._most = most

    def learn(self, batches: int, seconds: float, size: int, indices: int) -> None:
        """A group took ``seconds``, ``size`` bytes, and has ``indices`` in all its ``batches``."""
        fitting = (MOMENT / max(seconds, 1e-9), BYTES / max(size, 1), INDICES / max(indices, 1))
        # Doubled at most: the first batches of an epoch are to come as soon as they can.
        self.size = max(1, min(self._most, 2 * self.size, int(batches * min(fitting))))
