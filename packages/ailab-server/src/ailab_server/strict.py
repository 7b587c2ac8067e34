"""Turning whatever a run folder holds into strict JSON: no NaN, no lone surrogate, no bottomless nesting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ailab_server.models import Number

__all__ = ["number", "strict", "text"]

_MAX_DEPTH = 64


def number(value: float) -> Number:
    """A finite float as it is, any other as ``"NaN"``, ``"Infinity"`` or ``"-Infinity"``."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def text(value: object, limit: int = 10_000) -> str:
    """``value`` as a string that encodes as UTF-8, cut after ``limit`` characters.

    JSON may spell half of a surrogate pair (``"\\ud800"``), and a file name may hold bytes that are no UTF-8:
    both become Python strings that cannot be encoded and would turn a whole answer into a 500.
    """
    if type(value) is str and len(value) <= limit and value.isascii():  # as nearly all is
        return value
    cut = str(value)[: limit + 1]
    clean = cut.encode("utf-8", "replace").decode("utf-8")
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def strict(value: Any, depth: int = _MAX_DEPTH) -> Any:
    """A copy of ``value`` (parsed JSON) that any strict JSON parser accepts.

    What lies deeper than 64 levels becomes ``"…"``.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return number(value)
    if isinstance(value, str):
        return text(value, limit=1_000_000)
    if depth == 0:
        return "…"
    if isinstance(value, dict):
        return {text(key): strict(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item, depth - 1) for item in value]
    return text(value)
