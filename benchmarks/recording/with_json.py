"""A JSON line for each value, flushed: what people write by hand who have lost values before."""

from __future__ import annotations

import json
import time

from recording.calls import TEN, Calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["read", "session"]


def session(folder: str, body: Callable[[Calls], object]) -> None:
    with open(f"{folder}/values.jsonl", "a") as file:  # noqa: PTH123

        def value(step: int, value: float) -> None:
            file.write(json.dumps({"name": "loss", "step": step, "time": time.time(), "value": value}) + "\n")
            file.flush()

        def ten(step: int, value: float) -> None:
            file.write(json.dumps({"step": step, "time": time.time(), **dict.fromkeys(TEN, value)}) + "\n")
            file.flush()

        body(Calls(value, ten))


def read(folder: str) -> Sequence[float]:
    found = []
    with open(f"{folder}/values.jsonl") as file:  # noqa: PTH123
        for line in file:
            if not line.endswith("\n"):
                break  # cut off
            event = json.loads(line)
            if event.get("name") == "loss":
                found.append(event["value"])
    return found
