"""One measurement of one library, in a process of its own: ``python -m recording.child '{...}'`` prints JSON.

Runs in the library's own environment: of the packages that are not Python's own only NumPy is there for certain.
"""

from __future__ import annotations

import json
import mmap
import random
import statistics
import struct
import sys
import time
from collections.abc import Callable
from importlib import import_module
from itertools import cycle
from pathlib import Path
from typing import Any

from recording.calls import Calls

__all__ = ["COUNTER", "VALUES"]

VALUES = [random.Random(7).random() for _ in range(1021)]
"""What is logged, over and over: numbers with all their digits, as losses have them."""
COUNTER = struct.Struct("<q")
FIRST = 32  # calls that are not timed: imports, connections, the metric's name
MICRO = 1000.0  # ns


def timed(call: Callable[[int, Any], object], what: list[Any], n: int, seconds: float) -> dict[str, Any]:
    """Microseconds that the caller of ``call(step, one of what)`` waits, of at most ``n`` calls or ``seconds``."""
    clock = time.perf_counter_ns
    taken = []
    end = clock() + int(seconds * 1e9)
    for step, value in zip(range(n), cycle(what), strict=False):
        start = clock()
        call(step, value)
        stop = clock()
        taken.append(stop - start)
        if stop > end:
            break
    kept = taken[FIRST:] if len(taken) > 2 * FIRST else taken[len(taken) // 2 :]
    return {
        "median_us": statistics.median(kept) / MICRO,
        "mean_us": statistics.mean(kept) / MICRO,
        "calls": len(kept),
    }


def job_calls(module: Any, folder: str, n: int, seconds: float) -> dict[str, Any]:
    """What each kind of call costs the caller, and how long the end of the run takes after them."""
    import numpy as np

    found: dict[str, Any] = {}
    pixels = [np.random.default_rng(seed).integers(0, 256, (256, 256, 3), dtype=np.uint8) for seed in range(4)]
    stopped = [0.0]

    def body(calls: Calls) -> None:
        found["value"] = timed(calls.value, VALUES, n, seconds)
        found["ten"] = timed(calls.ten, VALUES, n // 10, seconds)
        if calls.image is not None:
            found["image"] = timed(calls.image, pixels, 60, seconds)
        stopped[0] = time.perf_counter()

    module.session(folder, body)
    found["finish_s"] = time.perf_counter() - stopped[0]
    return found


def job_write(module: Any, folder: str, n: int, seconds: float) -> dict[str, Any]:
    """Log at most ``n`` values, as fast as it goes, and end the run."""
    written = [0]

    def body(calls: Calls) -> None:
        value = calls.value
        end = time.monotonic() + seconds
        for step, number in zip(range(n), cycle(VALUES), strict=False):
            value(step, number)
            written[0] += 1
            if not step % 64 and time.monotonic() > end:
                break

    module.session(folder, body)
    return {"points": written[0]}


def job_read(module: Any, folder: str, points: int, seconds: float) -> dict[str, Any]:
    """Read everything back and compare it: the best of at least two tries, the first of which imports what it needs."""
    taken: list[float] = []
    prepare(module, folder)
    while len(taken) < 2 or sum(taken) < seconds:
        start = time.perf_counter()
        values = module.read(folder)
        taken.append(time.perf_counter() - start)
    if len(values) != points:
        raise ValueError(f"{len(values)} values came back of {points}")
    for at in (0, points // 2, points - 1):
        if abs(values[at] - VALUES[at % len(VALUES)]) > 1e-6:  # some keep float32
            raise ValueError(f"value {at} came back as {values[at]}")
    return {"seconds": min(taken)}


def job_endless(module: Any, folder: str, counter: str, period: float) -> dict[str, Any]:
    """Log until killed, and keep count where the killer sees it."""
    with Path(counter).open("r+b") as file:
        shared = mmap.mmap(file.fileno(), COUNTER.size)

    def body(calls: Calls) -> None:
        value, pack = calls.value, COUNTER.pack
        for step, number in enumerate(cycle(VALUES)):
            value(step, number)
            shared[:] = pack(step + 1)
            if period:
                time.sleep(period)

    module.session(folder, body)
    raise AssertionError("nobody ended this process")


def job_count(module: Any, folder: str) -> dict[str, Any]:
    """How many values can be read."""
    prepare(module, folder)
    return {"found": len(module.read(folder))}


def prepare(module: Any, folder: str) -> None:
    """What one of them needs before it can be read."""
    if hasattr(module, "prepare"):
        module.prepare(folder)


def main() -> None:
    order = json.loads(sys.argv[1])
    job, module = order.pop("job"), import_module(f"recording.{order.pop('module')}")
    result = globals()[f"job_{job}"](module, **order)
    print("RESULT", json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
