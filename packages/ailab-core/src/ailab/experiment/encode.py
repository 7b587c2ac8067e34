"""Writing whatever a Config may hold as strict JSON."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

__all__ = ["to_jsonable"]

_DEEPEST = 32


def to_jsonable(value: Any, foreign: Callable[[object], Any] | None = None, _depth: int = 0) -> Any:
    """``value`` in terms of JSON: dicts, lists, strings, finite numbers, booleans and None.

    Classes and functions become ``{"$class": "module:name"}`` and ``{"$function": ...}``, numbers that are not finite
    ``{"$float": "nan"}``, any other
    object ``{"$object": "module:class", "repr": ...}``, unless ``foreign`` (the plugins' hook) returns something for
    it.
    """

    def deeper(item: Any) -> Any:
        return to_jsonable(item, foreign, _depth + 1)

    if value is None or isinstance(value, bool | str):
        return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
    if isinstance(value, enum.Enum):
        return deeper(value.value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$float": str(float(value))}
    if _depth < _DEEPEST:
        if isinstance(value, Mapping):
            return {str(key): deeper(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [deeper(item) for item in value]
        if isinstance(value, set | frozenset):
            return [deeper(item) for item in sorted(value, key=repr)]
        if isinstance(value, PurePath):
            return str(value)
        if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
            return deeper(value.tolist())
        if foreign is not None and (found := foreign(value)) is not None:
            return deeper(found)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: deeper(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, type):
        return {"$class": _name(value)}
    if callable(value) and hasattr(value, "__qualname__"):
        return {"$function": _name(value)}
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a broken __repr__ must not keep a training from starting
        text = "<unprintable>"
    return {"$object": _name(type(value)), "repr": text[:1000].encode("utf-8", "replace").decode()}


def _name(value: Any) -> str:
    return f"{getattr(value, '__module__', '?')}:{value.__qualname__}"
