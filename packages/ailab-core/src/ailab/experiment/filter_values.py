"""What the names in a filter stand for: times and spans that compare with how people write them."""

from __future__ import annotations

import datetime
import operator
import re
import time
from collections.abc import Callable
from typing import Any

__all__ = ["Moment", "Span", "compare", "contains", "parse_span"]

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SPAN = re.compile(r"(?:\s*\d+(?:\.\d+)?\s*[smhdw])+\s*")
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")


def parse_span(text: str) -> float | None:
    """Seconds, from ``"90s"``, ``"2h"``, ``"1d 12h"``; None if it is no such thing."""
    if not _SPAN.fullmatch(text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def parse_moment(text: str, now: float | None = None) -> float | None:
    """Seconds since the epoch, from ``"2d ago"``, ``"2d"`` (the same), ``"today"``, ``"yesterday"``, ``"2026-11-22"``
    or ``"2026-11-22 19:30"`` in local time; None if it is no such thing.
    """
    now = time.time() if now is None else now
    text = text.strip()
    span = parse_span(text.removesuffix("ago").removeprefix("-"))
    if span is not None:
        return now - span
    if text in ("now", "today", "yesterday"):
        day = datetime.datetime.fromtimestamp(now)
        if text == "now":
            return now
        day = day.replace(hour=0, minute=0, second=0, microsecond=0)
        return (day - datetime.timedelta(days=text == "yesterday")).timestamp()
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


class Moment(float):
    """Seconds since the epoch, which compare with ``"2d ago"`` and ``"2026-11-22"`` too."""

    parse = staticmethod(parse_moment)
    wanted = "a time such as '2d ago', 'today', 'yesterday', '2026-11-22' or '2026-11-22 19:30'"


class Span(float):
    """Seconds, which compare with ``"2h"`` too."""

    parse = staticmethod(parse_span)
    wanted = "a span such as '90s', '15m', '2h' or '1d 12h'"


def compare(test: Callable[[Any, Any], Any], left: Any, right: Any) -> bool:
    """``left`` against ``right``. What is missing (None) or of another kind is not smaller or larger than anything.

    Raises:
        ValueError: a time or span is compared with a text that is none.
    """
    left, right = _meet(left, right), _meet(right, left)
    if test not in (operator.eq, operator.ne) and (left is None or right is None):
        return False
    try:
        return bool(test(left, right))
    except TypeError:
        return False


def contains(container: Any, item: Any) -> bool:
    """Whether ``item`` is in a list of values or is a part of a text; nothing is in what is missing."""
    if isinstance(container, str):
        return isinstance(item, str) and item in container
    if isinstance(container, list | tuple):
        return any(compare(operator.eq, item, other) for other in container)
    return isinstance(container, dict) and item in container


def _meet(value: Any, other: Any) -> Any:
    """A text beside a time or a span is one too; a class is named by its name, with or without its module."""
    if isinstance(value, str) and isinstance(other, Moment | Span):
        parsed = other.parse(value)
        if parsed is None:
            raise ValueError(f"expected {other.wanted}, got {value!r}")
        return parsed
    if isinstance(value, dict) and isinstance(other, str):
        name = value.get("$class", value.get("$function"))
        if isinstance(name, str):
            return name if ":" in other else name.rpartition(":")[2]
    return value
