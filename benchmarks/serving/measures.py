"""What is measured, each beside its goal."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from serving.client import Server, watch
from serving.workspaces import LiveWriter, Shape, make_run, make_workspace

__all__ = ["MEASURES", "lags"]

Results = dict[str, tuple[float, float, str]]
"""Name → goal, measured, unit. A measured figure is met when it is not above its goal."""


@contextmanager
def _server(workspace: Path, scratch: Path) -> Iterator[Server]:
    server = Server(workspace, scratch)
    try:
        yield server
    finally:
        server.stop()


def _fresh(scratch: Path) -> None:
    """Forget what earlier servers kept on the local disk."""
    shutil.rmtree(scratch / "s", ignore_errors=True)


def long_series(scratch: Path, tries: int) -> Results:
    """From the start of the process to a series of a million points, reduced to 1,000."""
    workspace = scratch / "long"
    if not workspace.exists():
        make_run(workspace / "long" / "2025-06-15_12.00.00_00000", 0, 1_000_000, ("loss",))
    took, listening, memory = [], [], []
    for _ in range(tries):
        _fresh(scratch)
        with _server(workspace, scratch) as server:
            ids, _ = server.list_runs(1)
            server.series(ids, ["loss"], 1000)
            took.append(time.monotonic() - server.began)
            listening.append(server.listening)
            memory.append(server.memory()["peak"])
    return {
        "process start to listening, s": (0.8, statistics.median(listening), "s"),
        "1 M-point series, cold": (0.8, statistics.median(took), "s"),
        "peak memory after a 1 M-point run": (150.0, statistics.median(memory), "MB"),
    }


def thousand(scratch: Path, tries: int) -> Results:
    """1,000 runs of 1,000 points of two metrics: the list and every series."""
    workspace = scratch / "thousand"
    if not workspace.exists():
        make_workspace(workspace, Shape(1000, 1000, ("loss", "accuracy")))
    took = []
    for _ in range(tries):
        _fresh(scratch)
        with _server(workspace, scratch) as server:
            ids, _ = server.list_runs(1000)
            server.series(ids, ["loss", "accuracy"], 1000)
            took.append(time.monotonic() - server.began)
    return {"1,000 runs x 1,000 points x 2 metrics, list and series, cold": (1.5, statistics.median(took), "s")}


def ten_thousand(scratch: Path, tries: int) -> Results:
    """10,000 finished runs: listed cold and warm, memory, and what 20 live ones cost an idle server."""
    workspace = scratch / "tenthousand"
    if not workspace.exists():
        make_workspace(workspace, Shape(10_000, 100, ("loss", "accuracy")))
    cold, warm, memory = [], [], []
    for _ in range(tries):
        _fresh(scratch)
        with _server(workspace, scratch) as server:
            cold.append(server.list_runs(10_000)[1])
            memory.append(server.memory()["peak"])
            time.sleep(3.0)  # whatever it keeps for later is written now
        with _server(workspace, scratch) as server:
            warm.append(server.list_runs(10_000)[1])
            memory.append(server.memory()["peak"])
    live = LiveWriter(workspace, 20, 1.0, 3600.0)
    try:
        with _server(workspace, scratch) as server:
            server.list_runs(10_020)
            time.sleep(25.0)  # until those that are over count as settled
            before, began = server.cpu(), time.monotonic()
            time.sleep(20.0)
            idle = 100 * (server.cpu() - before) / (time.monotonic() - began)
            memory.append(server.memory()["peak"])
    finally:
        live.stop()
        shutil.rmtree(workspace / "live")
    return {
        "10,000 runs listed, cold": (3.0, statistics.median(cold), "s"),
        "10,000 runs listed, warm": (1.0, statistics.median(warm), "s"),
        "peak memory at 10,000 runs": (150.0, max(memory), "MB"),
        "idle, 10,000 finished and 20 live runs": (3.0, idle, "% of a core"),
    }


def hundred(scratch: Path, tries: int) -> Results:
    """One request for 100 runs of 10,000 points, warm."""
    workspace = scratch / "hundred"
    if not workspace.exists():
        make_workspace(workspace, Shape(100, 10_000))
    with _server(workspace, scratch) as server:
        ids, _ = server.list_runs(100)
        took = []
        for _ in range(10 * tries):
            began = time.monotonic()
            server.series(ids, ["loss"], 1000)
            took.append(1000 * (time.monotonic() - began))
    return {"series of 100 runs x 10,000 points, warm": (60.0, statistics.median(took[1:]), "ms")}


def live(scratch: Path, tries: int) -> Results:
    """From a value logged to a line of the stream: for one browser and for 200."""
    results: Results = {}
    for browsers, goal in ((1, 100.0), (200, 300.0)):
        workspace = scratch / f"live{browsers}"
        shutil.rmtree(workspace, ignore_errors=True)
        workspace.mkdir()
        waits = lags(workspace, workspace, scratch, browsers, 10.0, 10.0 * tries)
        results[f"value logged to stream, p95, {browsers} browsers"] = (
            goal,
            1000 * waits[int(0.95 * len(waits))],
            "ms",
        )
        results[f"value logged to stream, median, {browsers} browsers"] = (goal, 1000 * statistics.median(waits), "ms")
    return results


def lags(written: Path, read: Path, scratch: Path, browsers: int, rate: float, seconds: float) -> list[float]:
    """Of every value that is logged: seconds until a line of a stream told it or a newer one; the shortest first.

    Args:
        written: the workspace as the training sees it.
        read: the same one as the server sees it.
        rate: values a second.
        seconds: how long streams are watched.
    """
    with _server(read, scratch) as server:
        writer = LiveWriter(written, 1, rate, seconds + 4.0)
        server.list_runs(1)
        seen = watch(server, browsers, seconds)
    logged = writer.logged()
    return sorted(wait for one in seen for wait in _waits(logged, one))


def _waits(logged: dict[int, float], seen: dict[int, float]) -> Iterator[float]:
    """Of every value from the second line on: until a line told it, or a newer one that was logged meanwhile."""
    previous: int | None = None
    for step, came in sorted(seen.items()):
        if previous is not None:
            yield from (came - logged[one] for one in range(previous + 1, step + 1))
        previous = step


MEASURES: dict[str, Callable[[Path, int], Any]] = {
    "long": long_series,
    "thousand": thousand,
    "tenthousand": ten_thousand,
    "hundred": hundred,
    "live": live,
}
