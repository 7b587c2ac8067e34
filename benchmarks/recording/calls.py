"""What a run can be told, the same for every library. Imports nothing: it is loaded within the time of a start."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["TEN", "Calls"]

TEN = tuple(f"train/metric{i}" for i in range(10))
"""The names of the ten values that are logged at a time."""


class Calls:
    """The calls of one run.

    Attributes:
        value: logs ``(step, value)`` of the metric "loss".
        ten: logs the same value under each name in `TEN`, at ``(step, value)``.
        image: logs ``(step, pixels)``, a uint8 array of shape (h, w, 3); None where there is no such thing.
    """

    def __init__(
        self,
        value: Callable[[int, float], object],
        ten: Callable[[int, float], object],
        image: Callable[[int, Any], object] | None = None,
    ) -> None:
        self.value = value
        self.ten = ten
        self.image = image
