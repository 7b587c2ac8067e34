"""What may be logged as a value, a step or a progress."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ailab.errors import shown

__all__ = ["as_float", "as_progress", "as_step", "flattened"]

_DEEPEST = 16

_ROUNDING = 1e-6


def as_float(argument: str, value: object, foreign: Callable[[object], float | None] | None = None) -> float:
    """A number of any kind as a float: Python's, NumPy's, a one-element array, or what a plugin (``foreign``) knows.

    NaN and infinities are numbers here.

    Raises:
        TypeError: it is no number.
        ValueError: it is an array of several numbers, or an int too large for a float.
    """
    if type(value) is float:
        return value
    try:
        if isinstance(value, float | numbers.Real):
            return float(value)
        if type(value).__module__ == "numpy" and hasattr(value, "dtype"):
            return _from_array(argument, value)
    except OverflowError:
        raise ValueError(f"{argument} must fit a 64-bit float, got {shown(value)}") from None
    if foreign is not None:
        found = foreign(value)
        if found is not None:
            return float(found)
    raise TypeError(f"{argument} must be a number (Python, NumPy, or a tensor with one element), got {shown(value)}")


def _from_array(argument: str, value: Any) -> float:
    if value.dtype.kind not in "fiub":
        raise TypeError(f"{argument} must be a number, got a NumPy value of dtype {value.dtype}")
    if value.size != 1:
        raise ValueError(f"{argument} must be one number, got an array of shape {value.shape}; log its mean, say")
    return float(value.item())


def as_step(argument: str, step: object) -> int | None:
    """An int of 64 bits, or None.

    Raises:
        TypeError: it is no integer.
        ValueError: it does not fit 64 signed bits.
    """
    if step is None or (type(step) is int and -(2**63) <= step < 2**63):
        return step
    if isinstance(step, bool) or not isinstance(step, numbers.Integral):
        raise TypeError(f"{argument} must be an integer or None, got {shown(step)}")
    if not -(2**63) <= int(step) < 2**63:
        raise ValueError(f"{argument} must fit 64 signed bits, got {shown(step)}")
    return int(step)


def as_progress(argument: str, value: object) -> float:
    """A number from 0 (nothing done) to 1 (all done).

    Raises:
        TypeError: it is no number.
        ValueError: it lies outside, or is NaN.
    """
    number = as_float(argument, value)
    if 1.0 < number < 1.0 + _ROUNDING:  # the sum of n times 1 / n
        return 1.0
    if not 0.0 <= number <= 1.0 or math.isnan(number):
        raise ValueError(f"{argument} must lie between 0 (nothing done) and 1 (all done), got {shown(value)}")
    return number


def flattened(argument: str, values: object, _prefix: str = "", _depth: int = 0) -> Iterator[tuple[str, object]]:
    """The names and values of a dict; those of a dict inside it are called ``outer/inner``.

    Raises:
        TypeError: it is no dict, or one of its keys is no string.
        ValueError: dicts are nested more than 16 deep.
    """
    if not isinstance(values, Mapping):
        raise TypeError(f"{argument} must be a dict of names and numbers, got {shown(values)}")
    if _depth >= _DEEPEST:
        raise ValueError(f"{argument} must not be nested more than {_DEEPEST} deep")
    for name, value in values.items():
        if not isinstance(name, str):
            raise TypeError(f"the names in {argument} must be strings, got {shown(name)}")
        if isinstance(value, Mapping):
            yield from flattened(argument, value, f"{_prefix}{name}/", _depth + 1)
        else:
            yield f"{_prefix}{name}", value
