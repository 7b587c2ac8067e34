"""The routes that there are, whoever added them, and a workspace that was made to harm."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ailab_server.app import document


def documented() -> list[tuple[str, str]]:
    """(method, path below /api/v1) of every route."""
    return sorted(
        (method.upper(), path.removeprefix("/api/v1"))
        for path, methods in document()["paths"].items()
        for method in methods
    )


@pytest.fixture(scope="session")
def routes() -> list[tuple[str, str]]:
    """(method, path below /api/v1) of every route, with its parameters in braces."""
    found = documented()
    assert len(found) >= 20
    return found


@pytest.fixture
def filled() -> Callable[..., str]:
    """A path with its parameters given: all the same, or by name."""

    def fill(path: str, value: str = "x", **named: str) -> str:
        return re.sub(r"{(\w+)}", lambda match: named.get(match[1], value), path)

    return fill


@pytest.fixture
def odd_numbers(workspace: Path) -> None:
    """A run whose every number is none, or none that JavaScript can hold."""
    folder = workspace / "odd" / "run"
    (folder / "streams").mkdir(parents=True)
    odd = [float("nan"), float("inf"), float("-inf"), -0.0, 2**63, 10**400]
    text = json.dumps({"created": 1e9, "host": "h", "user": "u", "odd": odd, "deep": {"x": odd}})
    text = text.replace('"created"', '"more": 1e999, "less": -1e999, "created"')
    (folder / "run.json").write_text(text)
    (folder / "config.json").write_text(text)
    events = [
        {"type": "status", "time": 1e9, "state": "failed", "error": "NaN", "traceback": "Infinity"},
        {"type": "metric", "time": 1e9, "id": 0, "name": "NaN", "primary": True},
        {"type": "progress", "time": 1e9, "value": float("nan")},
        {"type": "image", "time": 1e9, "name": "i", "step": 2**63, "file": "i.png"},
        {"type": "tags", "time": 1e11, "tags": ["NaN", 1]},
    ]
    (folder / "streams" / "w.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    (folder / "output.log").write_bytes(b"NaN\x1b[2J\xff")
