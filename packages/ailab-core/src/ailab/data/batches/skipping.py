"""The samples that ``on_error="skip"`` leaves out, on their way from where a batch is made to its consumer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Nothing", "Thinned", "noted"]


class Nothing:
    """Stands for a batch all of whose samples were left out. The class itself does, to survive pickling."""


@dataclass
class Thinned:
    """A batch, or `Nothing`, with the indices of the samples that were left out of it."""

    batch: Any
    left_out: list[int]


def noted(batches: Iterable[Any], left_out: list[int]) -> Iterator[Any]:
    """The ``batches``, those that are `Thinned` without what is around them, which is appended to ``left_out``."""
    for batch in batches:
        if type(batch) is Thinned:
            left_out += batch.left_out
            yield batch.batch
        else:
            yield batch
