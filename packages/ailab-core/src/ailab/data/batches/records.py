"""Dataclass instances as structures: their fields, and new ones made of other values.

They are made without ``__init__``: what that checks or computes is meant for one sample and not for a batch, and a
field may be frozen or none of its arguments. Attributes that are no fields belong to a sample and are left out.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

__all__ = ["field_names", "is_record", "make_record", "rebuilt"]

# What is read as a value or as another kind of structure, dataclass or not.
_OTHERS = (Mapping, tuple, list, int, float, complex, str, bytes, enum.Enum)


def is_record(kind: type) -> bool:
    """Whether instances of ``kind`` are structures by their fields: dataclasses, unless NumPy reads them as arrays."""
    # The look at one attribute is all that the many other kinds pay.
    return hasattr(kind, "__dataclass_fields__") and _is_record(kind)


@lru_cache(256)
def _is_record(kind: type) -> bool:
    return not issubclass(kind, _OTHERS) and not hasattr(kind, "__array__") and not hasattr(kind, "__array_interface__")


def field_names(kind: type) -> tuple[str, ...]:
    """The fields of the dataclass ``kind``, in their order."""
    return _field_names(kind)


@lru_cache(256)
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def rebuilt(like: Any, values: Iterable[Any]) -> Any:
    """An instance of the dataclass of ``like`` with ``values`` in its fields, in their order."""
    return make_record(type(like), values)


def make_record(kind: type, values: Iterable[Any]) -> Any:
    """`rebuilt`, by the class."""
    made: Any = object.__new__(kind)
    for name, value in zip(field_names(kind), values, strict=True):
        object.__setattr__(made, name, value)  # also where the class is frozen or has slots
    return made
