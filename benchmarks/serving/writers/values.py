"""What every contender logs, and the scripts' command line: ``FOLDER RUNS POINTS METRIC... [--live RATE SECONDS]``.

Imports nothing but the standard library: it runs in every contender's environment.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["Order", "name", "order", "run_live", "values"]


@dataclass
class Order:
    folder: str
    runs: int
    points: int
    metrics: list[str]
    live: tuple[float, float] | None


def order() -> Order:
    """What the command line asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("runs", type=int)
    parser.add_argument("points", type=int)
    parser.add_argument("metrics", nargs="+")
    parser.add_argument("--live", type=float, nargs=2)
    found = parser.parse_args()
    return Order(found.folder, found.runs, found.points, found.metrics, tuple(found.live) if found.live else None)


def name(run: int) -> str:
    """The name of a run."""
    return f"run{run:05}"


def values(run: int, points: int, metrics: list[str]) -> Iterator[dict[str, float]]:
    """One value of every metric for each step."""
    noise = random.Random(run)
    for step in range(points):
        yield {metric: 1.0 / (1.0 + 0.01 * step) + 0.05 * noise.gauss(0.0, 1.0) for metric in metrics}


def run_live(rate: float, seconds: float, log: Callable[[int, float], None]) -> None:
    """Log steps, each with a line that says when; not in step with any clock of the reader's."""
    noise = random.Random(0)
    end = time.monotonic() + seconds
    step = 0
    while time.monotonic() < end:
        log(step, 1.0 / (1.0 + 0.01 * step))
        print(step, time.time(), flush=True)
        step += 1
        time.sleep(noise.uniform(0.5, 1.5) / rate)
