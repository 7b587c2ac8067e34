"""JSON of runs, parsed a little sooner than `json.loads` does: there are thousands of small files and lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from json.scanner import make_scanner
from typing import Any

__all__ = ["parsed", "parsed_file"]

_scan: Callable[[str, int], tuple[Any, int]] = make_scanner(json.JSONDecoder())  # type: ignore[arg-type]  # typeshed takes a decoder for a scanner


def parsed(text: str) -> Any:
    """As `json.loads`, which spends more on the white space around than on a line that has none.

    Raises:
        ValueError, RecursionError: as that.
    """
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        return json.loads(text)
    return value if end == len(text) else json.loads(text)


def parsed_file(data: bytes) -> Any:
    """As `json.loads`, which looks for every encoding that JSON ever had.

    Raises:
        ValueError, RecursionError: as that.
    """
    if data[:1] != b"{" or b"\0" in data[:4]:
        return json.loads(data)
    return parsed(data.decode("utf-8", "surrogatepass"))
