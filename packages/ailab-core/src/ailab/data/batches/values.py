"""One sample's value as a NumPy array, or an error that says where it is and what is wrong with it."""

from __future__ import annotations

import array
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.errors import shown

__all__ = ["PYTHON_DTYPES", "Array", "convert", "is_python", "read"]

Array = npt.NDArray[Any]

PYTHON_DTYPES: dict[type, np.dtype[Any]] = {
    float: np.dtype(np.float32),
    int: np.dtype(np.int64),
    bool: np.dtype(np.bool_),
}


def read(value: Any, where: str) -> Array:
    """``value`` as an array, by the rules of `collate`; ``where`` begins any error message.

    Raises:
        TypeError, ValueError: see there.
    """
    if isinstance(value, np.ndarray | np.generic):  # before the numbers: np.float64 is a float, np.str_ a str
        result = np.asarray(value)
    elif isinstance(value, bool | int | float):
        result = _numbers(value, [value], where)
    elif isinstance(value, list):
        result = _read_list(value, where)
    elif isinstance(value, str | bytes):
        result = np.array(value)
        _check_string(value, where)
    elif _numpy_reads(value):
        result = np.asarray(value)
    else:
        raise _unsupported(value, where)
    if result.dtype.hasobject:
        raise _unsupported(value, where)
    return result


def convert(value: Any, dtype: np.dtype[Any]) -> Array | None:
    """Python numbers, in lists or not, as an array of ``dtype``; None if one is out of its range.

    Raises:
        ValueError: nested lists of different lengths.
    """
    try:
        with np.errstate(over="ignore"):
            result = np.array(value, dtype=dtype)
    except OverflowError:
        return None
    if dtype.kind == "f" and not np.isfinite(result).all():
        # A true infinity is a value like any other; one that float32 made of a large number is not.
        genuine = np.isinf(np.array(value, np.float64))
        return result if np.array_equal(np.isinf(result), genuine) else None
    return result


def is_python(value: Any) -> bool:
    """Whether ``value`` is a Python number or a list of them, whose dtype is ours to choose."""
    if type(value) is list:
        return all(type(item) in PYTHON_DTYPES for item in _items(value))
    return type(value) in PYTHON_DTYPES


def _read_list(value: list[Any], where: str) -> Array:
    items = list(_items(value))
    if all(kind in PYTHON_DTYPES for kind in set(map(type, items))):
        return _numbers(value, items, where)
    try:
        result = np.array(value)
    except ValueError as error:
        odd = next((item for item in items if not _leaf(item)), None)
        raise (_ragged(where, error) if odd is None else _unsupported(odd, where)) from error
    if result.dtype.hasobject:
        raise _unsupported(next((item for item in items if not _leaf(item)), value), where)
    if result.dtype.kind in "US":
        kind = str if result.dtype.kind == "U" else bytes
        for item in items:
            # NumPy would turn the number in ["a", 1] into a string without a word.
            if not isinstance(item, kind):
                raise TypeError(f"{where} is a list of {kind.__name__} and {type(item).__name__}; expected one kind")
            _check_string(item, where)
    return result


def _items(value: list[Any] | tuple[Any, ...]) -> Iterator[Any]:
    """The innermost elements of nested lists."""
    for item in value:
        if isinstance(item, list | tuple):
            yield from _items(item)
        else:
            yield item


def _numbers(value: Any, items: Sequence[Any], where: str) -> Array:
    """A Python number or a nested list of them; ``items`` are the single numbers."""
    floats = not items or any(isinstance(item, float) for item in items)
    kind: type = float if floats else bool if all(isinstance(item, bool) for item in items) else int
    dtype = PYTHON_DTYPES[kind]
    try:
        result = convert(value, dtype)
    except ValueError as error:
        raise _ragged(where, error) from error
    # Floats are rounded to float32 by contract. A whole number beside them is not expected to change.
    if result is None or (floats and any(isinstance(i, int) and float(np.float32(i)) != i for i in items)):
        raise ValueError(
            f"{where} is {shown(value)}, which does not fit {dtype}; NumPy's own dtypes are kept, "
            "so return an array of the dtype that you need"
        )
    return result


def _leaf(value: object) -> bool:
    return isinstance(value, int | float | str | bytes) or _numpy_reads(value)


def _numpy_reads(value: object) -> bool:
    return (
        hasattr(type(value), "__array__")
        or hasattr(value, "__array_interface__")
        or isinstance(value, complex | bytearray | memoryview | array.array)
    )


def _check_string(value: str | bytes, where: str) -> None:
    if value[-1:] in ("\0", b"\0"):
        raise ValueError(
            f"{where} ends with a zero byte, which NumPy's strings would drop; "
            "make binary data an array with np.frombuffer(value, np.uint8)"
        )


def _ragged(where: str, error: ValueError) -> ValueError:
    return ValueError(f"{where} is a list that is no array: its parts differ in shape ({error})")


def _unsupported(value: object, where: str) -> TypeError:
    return TypeError(
        f"{where} is or holds {shown(value)}; expected a number, a string, a list of numbers, an array, "
        "or a dict, tuple or dataclass of these"
    )
