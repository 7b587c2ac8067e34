"""The table of the peers: the same questions to every server, each on data of its own writer."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from serving.contenders import Contender, Got
from serving.processes import running
from serving.workspaces import Shape

__all__ = ["CASES", "compete", "follow", "waits", "whole"]

_LONG = Shape(1, 1_000_000)
_SOME = Shape(200, 1_000)
_MANY = Shape(1_000, 1_000, ("loss", "accuracy"))
_LIMIT = 300.0
_FIRST_LIMIT = 600.0
_LONG_ENOUGH = 60.0
_RATE, _LIVE_SECONDS = 10.0, 30.0

Cells = dict[str, float]


def compete(contender: Contender, folder: Path, cases: Sequence[str], tries: int, tell: Callable[[str], None]) -> Any:
    """Every case of one contender.

    Returns:
        ``{"version", "points", "cells": {...}}``: seconds, milliseconds and MB as `CASES` names them; a case that
        failed has its reason in ``"failed"`` instead.
    """
    result: dict[str, Any] = {"version": contender.version(), "points": contender.most, "cells": {}, "failed": {}}
    memory: list[float] = []
    for case in cases:
        try:
            cells = CASES[case](contender, folder, tries, memory)
        except (OSError, RuntimeError) as error:
            result["failed"][case] = str(error)
            tell(f"{contender.name}: {case}: {error}")
            continue
        result["cells"].update({name: round(value, 3) for name, value in cells.items()})
        tell(f"{contender.name}: " + ", ".join(f"{name} {value:.3g}" for name, value in cells.items()))
    if memory:
        result["cells"] |= {"memory least": round(min(memory), 1), "memory most": round(max(memory), 1)}
    return result


def _data(contender: Contender, folder: Path, shape: Shape) -> Path:
    """The contender's data, made once: the folder is kept for the next time, the mark says that it is whole.

    A first start, that no time is taken of, belongs to it: some servers make an index of new runs then, and keep it.
    """
    home = folder / contender.package / f"{shape.runs}x{shape.points}x{len(shape.metrics)}"
    mark, data = home / "whole", home / "data"
    if not mark.exists():
        shutil.rmtree(home, ignore_errors=True)
        data.mkdir(parents=True)
        contender.write(data, shape)
        _attempt(contender, data, shape, [], _FIRST_LIMIT)
        mark.touch()
    return data


def _list_and_series(
    contender: Contender, folder: Path, shape: Shape, tries: int, memory: list[float]
) -> tuple[float, float]:
    """Seconds from process start until all runs are listed, and until every series has come: medians.

    What takes more than a minute is measured once.
    """
    data = _data(contender, folder, shape)
    times = [_attempt(contender, data, shape, memory, _LIMIT)]
    while len(times) < tries and times[0][1] < _LONG_ENOUGH:
        times.append(_attempt(contender, data, shape, memory, _LIMIT))
    return statistics.median(listed for listed, _ in times), statistics.median(answered for _, answered in times)


def _attempt(contender: Contender, data: Path, shape: Shape, memory: list[float], limit: float) -> tuple[float, float]:
    with running(contender, data) as server:
        http = server.http
        server.until(lambda: contender.greet(http), lambda answer: True, limit)
        runs, listed = server.until(
            lambda: contender.runs(http, shape), lambda found: len(set(found)) == shape.runs, limit
        )
        _, answered = server.until(
            lambda: contender.series(http, runs, shape.metrics),
            lambda found: whole(found, shape, contender.most),
            limit,
        )
        time.sleep(0.6)  # for a look at the memory
    memory.append(server.peak)
    return listed, answered


def whole(found: dict[tuple[str, str], Got], shape: Shape, most: int) -> bool:
    """Whether every series is there to its last step, with as many points as its server gives of so long a one."""
    if len(found) != shape.runs * len(shape.metrics):
        return False
    least = shape.points if shape.points <= most else most // 2
    return all(least <= count <= max(most, shape.points) and last == shape.points - 1 for count, last in found.values())


def _long(contender: Contender, folder: Path, tries: int, memory: list[float]) -> Cells:
    return {"1 M-point series": _list_and_series(contender, folder, _LONG, tries, memory)[1]}


def _some(contender: Contender, folder: Path, tries: int, memory: list[float]) -> Cells:
    listed, answered = _list_and_series(contender, folder, _SOME, tries, memory)
    return {"200 runs listed": listed, "200 series": answered}


def _many(contender: Contender, folder: Path, tries: int, memory: list[float]) -> Cells:
    listed, answered = _list_and_series(contender, folder, _MANY, tries, memory)
    return {"1,000 runs listed": listed, "2,000 series": answered}


def _live(contender: Contender, folder: Path, tries: int, memory: list[float]) -> Cells:
    """From a value logged until it is in an answer for the run's series, asked for fifty times a second."""
    home = folder / contender.package / "live"
    shutil.rmtree(home, ignore_errors=True)
    data = home / "data"
    data.mkdir(parents=True)
    shape = Shape(1, 0)
    writer = contender.log_live(data, _RATE, _LIMIT + 10 * _LIVE_SECONDS)
    logged: dict[int, float] = {}
    reading = threading.Thread(target=_read, args=(writer, logged), daemon=True)
    reading.start()
    try:
        _wait(lambda: len(logged) > _RATE, _LIMIT, "its writer logged nothing")  # most have to make their store
        with running(contender, data) as server:
            http = server.http
            server.until(lambda: contender.greet(http), lambda answer: True, _LIMIT)
            runs, _ = server.until(lambda: contender.runs(http, shape), lambda found: len(found) == 1, _LIMIT)
            server.until(lambda: contender.series(http, runs, shape.metrics), bool, _LIMIT)
            seen = follow(lambda: contender.series(http, runs, shape.metrics), _LIVE_SECONDS)
        memory.append(server.peak)
    finally:
        writer.kill()
        reading.join()
        writer.wait()
    found = sorted(waits(logged, seen))
    if len(found) < 2 * _RATE:
        raise RuntimeError(f"only {len(found)} values came in {_LIVE_SECONDS:.0f} s")
    return {"logged to API, p50": statistics.median(found), "logged to API, p95": found[int(0.95 * len(found))]}


def follow(ask: Callable[[], dict[tuple[str, str], Got]], seconds: float) -> dict[int, float]:
    """Ask for the series of one run fifty times a second: newest step → when an answer first had it (epoch).

    An answer may lack the run, as Aim's do now and then while it indexes it: then it tells of no step.
    """
    seen: dict[int, float] = {}
    last = -1
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for got in ask().values():
            if got.last > last:
                last = got.last
                seen[last] = time.time()
        time.sleep(0.02)
    return seen


def _read(writer: subprocess.Popen[str], logged: dict[int, float]) -> None:
    for line in writer.stdout or ():
        if line.endswith("\n"):
            step, when = line.split()
            logged[int(step)] = float(when)


def _wait(until: Callable[[], bool], seconds: float, otherwise: str) -> None:
    end = time.monotonic() + seconds
    while not until():
        if time.monotonic() > end:
            raise TimeoutError(otherwise)
        time.sleep(0.05)


def waits(logged: dict[int, float], seen: dict[int, float]) -> Iterator[float]:
    """Of every value from the second seen on: until an answer told it, or a newer one that was logged meanwhile."""
    previous: int | None = None
    for step, came in sorted(seen.items()):
        if previous is not None:
            yield from (came - logged[one] for one in range(previous + 1, step + 1) if one in logged)
        previous = step


CASES: dict[str, Callable[[Contender, Path, int, list[float]], Cells]] = {
    "long": _long,
    "some": _some,
    "many": _many,
    "live": _live,
}
