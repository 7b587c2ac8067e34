"""One contender on one workload, in a process of its own: ``python -m loading.child '{...}'`` prints JSON."""

from __future__ import annotations

import gc
import json
import os
import re
import statistics
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from loading.contenders import CONTENDERS, Contender
from loading.workloads import WORKLOADS, collate, digest_of

__all__ = ["measure"]

COMPARED = 3  # batches whose contents are compared
MEBIBYTE = 1024.0


def measure(contender: Contender, workload: str, quick: bool, work: int, seconds: float) -> dict[str, Any]:
    """See ``docs/benchmarks.md`` for what the result holds."""
    what = WORKLOADS[workload]
    dataset = what.dataset(what.length(quick), work)
    size = what.batch_size
    expected = [digest_of(collate([dataset[b * size + i] for i in range(size)])) for b in range(COMPARED)]
    make = contender.function()
    if contender.backend:
        from loading import with_keras

        model = with_keras.warmed(collate([dataset[i] for i in range(size)]))
    gc.collect()  # what the imports have left falls due some time: 0.1 s with torch, on whichever contender
    start_memory = _reset_peak()
    start = time.perf_counter()
    loader = make(dataset, size, **contender.arguments)
    built = time.perf_counter() - start
    if contender.backend:
        # As many epochs as fit into the time are run by one fit: it starts workers anew each time.
        first, once = with_keras.fit(model, loader, 1)
        epochs = _epochs(once[0], seconds, quick)
        times = once + with_keras.fit(model, loader, 1 + epochs)[1][1:]
    else:
        first, times = _iterate(loader, what.length(quick) // size, seconds, quick)
    peak = _status("VmHWM") - start_memory
    found = with_keras.seen(loader, COMPARED) if contender.backend else _first(loader, COMPARED)
    digests = [digest_of(batch) for batch in found]
    if "ceiling" in contender.name:
        expected = expected[:1] * COMPARED
    length = what.length(quick)
    return {
        "first_batch_s": built + first,
        "first_epoch": length / (built + times[0]),
        "steady": length / statistics.median(times[1:]),
        "best": length / min(times[1:]),
        "epochs": len(times),
        "peak_mib": peak,
        "same_batches": digests == expected,
        "batch": digests[0] if digests != expected else None,
    }


def _epochs(once: float, seconds: float, quick: bool) -> int:
    return max(2 if quick else 3, min(20, int(seconds / once)))


def _iterate(loader: Any, batches: int, seconds: float, quick: bool) -> tuple[float, list[float]]:
    """Seconds to the first batch, and for each epoch."""
    first, wanted = 0.0, 1
    times: list[float] = []
    while len(times) < 1 + wanted:
        count, touched, start = 0, 0.0, time.perf_counter()
        for features, labels in loader.as_numpy_iterator() if hasattr(loader, "as_numpy_iterator") else loader:
            if not times and not count:
                first = time.perf_counter() - start
            # One element of each batch, and of the features now and then: more would cost more than loading.
            touched += labels["y"][-1].item() if count % 32 else _touch(features["x"])
            count += 1
        times.append(time.perf_counter() - start)
        if count != batches:
            raise AssertionError(f"{count} batches instead of {batches}")
        wanted = _epochs(times[0], seconds, quick) if len(times) == 1 else wanted
    return first, times


def _touch(value: Any) -> float:
    """The last element: nobody can hand out batches that were never filled."""
    while isinstance(value, list):  # torch's default collate of a list
        value = value[-1]
    return float(value[(-1,) * len(value.shape)])


def _first(loader: Any, count: int) -> list[Any]:
    iterator = iter(loader)
    return [next(iterator) for _ in range(count)]


def _reset_peak() -> float:
    """Start a new peak of this process's memory; its present size in MiB."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) / MEBIBYTE if found else 0.0


def main() -> None:
    order = json.loads(sys.argv[1])
    name = order.pop("contender")
    contender = next(contender for contender in CONTENDERS if contender.name == name)
    try:
        result = measure(contender, **order)
    except Exception as error:  # noqa: BLE001 - a contender that fails is a result
        traceback.print_exc()
        result = {"error": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}
    print(json.dumps(result), flush=True)
    os._exit(0)  # some contenders' workers and threads would hold the process up


if __name__ == "__main__":
    main()
