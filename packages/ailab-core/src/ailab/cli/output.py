"""What commands print: tables that fit the terminal, strict JSON, colours on a terminal alone."""

from __future__ import annotations

import datetime
import json
import math
import shutil
import sys
import time
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import click

from ailab.strict import strict

__all__ = ["ago", "print_json", "print_table", "safe", "show_number", "show_span", "show_state", "show_value", "strict"]

_STATES = {"running": "cyan", "finished": "green", "failed": "red", "killed": "yellow", "stale": "yellow"}
_GAP = "  "


def safe(text: object) -> str:
    """Without control characters: what others named must not steer this terminal."""
    text = str(text)
    return text if text.isprintable() else "".join(c if c.isprintable() else "�" for c in text)


def print_json(value: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(strict(value), indent=2, allow_nan=False))


def print_table(rows: Sequence[Mapping[str, str]], columns: Sequence[str], right: Sequence[str] = ()) -> None:
    """Print aligned columns, the widest cut with an ellipsis until a row fits the terminal.

    Nothing is cut where the output is no terminal, such as in a pipe.

    Args:
        rows: column to text, without line breaks.
        right: the columns that are aligned to the right: numbers.
    """
    cells = [[safe(row.get(column, "")) for column in columns] for row in rows]
    widths = [max([_width(column), *(_width(row[i]) for row in cells)]) for i, column in enumerate(columns)]
    if sys.stdout.isatty():
        room = shutil.get_terminal_size().columns - len(_GAP) * (len(columns) - 1)
        while sum(widths) > room and max(widths) > 4:
            widths[widths.index(max(widths))] -= 1
    lines = [_line(list(columns), columns, widths, right, header=True)]
    lines += [_line(row, columns, widths, right) for row in cells]
    click.echo("\n".join(lines))


def _line(row: list[str], columns: Sequence[str], widths: list[int], right: Sequence[str], header: bool = False) -> str:
    parts = []
    for text, column, width in zip(row, columns, widths, strict=True):
        cut = _cut(text, width)
        space = " " * (width - _width(cut))
        styled = click.style(cut, bold=True) if header else show_state(cut) if column == "state" else cut
        parts.append(space + styled if column in right else styled + space)
    return _GAP.join(parts).rstrip()


def show_state(state: str) -> str:
    """In its colour; click leaves that out where the output is no terminal."""
    color = _STATES.get(state)
    return click.style(state, fg=color) if color else state


def show_number(value: float | None) -> str:
    """Five significant digits; empty for None."""
    if value is None:
        return ""
    if not math.isfinite(value):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.5g}"


def show_value(value: Any, limit: int = 60) -> str:
    """A configuration's value in one short line; classes by their name."""
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, dict) and len(value) <= 2 and next(iter(value), "").startswith("$"):
        text = str(next(iter(value.values())))
    else:
        text = value if isinstance(value, str) else json.dumps(value)
    return _cut(safe(text), limit)


def show_span(seconds: float | None) -> str:
    """Such as ``45s``, ``3m12s``, ``2h05m``, ``1d04h``."""
    if seconds is None:
        return ""
    whole = int(seconds)
    for size, unit, small, below in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            return f"{whole // size}{unit}{whole % size // small:02}{below}"
    return f"{whole}s"


def ago(when: float | None) -> str:
    """``12m ago`` within a day, else the local date and time."""
    if when is None:
        return ""
    seconds = time.time() - when
    if 0 <= seconds < 86400:
        text = show_span(seconds)
        return f"{text[:-3] if len(text) > 3 else text} ago"
    try:
        return datetime.datetime.fromtimestamp(when).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return ""


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _cut(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    while text and _width(text) > width - 1:
        text = text[:-1]
    return text + "…"
