"""What the arguments of a loader must be."""

from __future__ import annotations

import operator
from typing import Any

from ailab.errors import shown

__all__ = ["check_batch_size", "check_choice", "check_dataset", "check_flag", "check_whole"]

_LIMIT = 2**64  # what the random generator takes


def check_batch_size(value: Any, argument: str) -> int:
    """``value`` as an int of at least 1, else a TypeError or ValueError that names ``argument``."""
    return _whole(value, argument, 1, "an int of at least 1")


def check_whole(value: Any, argument: str) -> int:
    """``value`` as an int in 0 .. 2**64 - 1, else a TypeError or ValueError that names ``argument``."""
    return _whole(value, argument, 0, "an int of at least 0 and below 2**64")


def check_flag(value: Any, argument: str) -> bool:
    """``value`` if it is a bool, else a TypeError that names ``argument``."""
    if not isinstance(value, bool):
        raise TypeError(f"{argument}={shown(value)}: expected True or False")
    return value


def check_choice(value: Any, argument: str, choices: tuple[str, ...]) -> str:
    """``value`` if it is one of ``choices``, else a ValueError that names ``argument``."""
    for choice in choices:
        if isinstance(value, str) and value == choice:
            return choice
    raise ValueError(f"{argument}={shown(value)}: expected {' or '.join(map(repr, choices))}")


def check_dataset(dataset: Any) -> int:
    """The number of samples of ``dataset``.

    Raises:
        TypeError: it lacks ``__len__`` or ``__getitem__``.
        ValueError: it is empty.
    """
    if not hasattr(type(dataset), "__getitem__") or not hasattr(type(dataset), "__len__"):
        raise TypeError(f"dataset={shown(dataset)}: expected a dataset with __len__ and __getitem__")
    length = len(dataset)
    if length == 0:
        raise ValueError(f"dataset={shown(dataset)} is empty: its len is 0")
    return length


def _whole(value: Any, argument: str, least: int, expected: str) -> int:
    # operator.index takes NumPy's ints too; True is an int to Python and never meant as one here.
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{argument}={shown(value)}: expected {expected}") from None
    if not least <= number < _LIMIT:
        raise ValueError(f"{argument}={shown(value)}: expected {expected}")
    return number
