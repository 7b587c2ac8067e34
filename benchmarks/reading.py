"""How fast runs are read back: ``python benchmarks/reading.py [--json FILE] [--quick] [--goals]``.

Makes runs in a temporary folder, reads them with what users call, and prints the best of several tries beside the goal.
The files are in the operating system's cache, as right after a training; a first look over a network adds its time,
which ``--delay`` simulates: a sleep at each file that is opened and each folder that is listed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ailab.experiment import Run, Workspace
from ailab.experiment.record import scalars

FILTER = "metric0 < 0.5 and train.batch_size == 64"


def write_run(folder: Path, metrics: list[str], points: int, seed: int = 0, packages: int = 200) -> None:
    """A finished run as the writer leaves it: ``points`` values of each metric, interleaved step by step."""
    streams = folder / "streams"
    streams.mkdir(parents=True)
    started = 1_790_000_000.0
    info = {
        "schema": 1, "id": folder.name, "experiment": folder.parent.name, "created": started, "host": "host",
        "user": "user", "command": ["python", "train.py"],
        "git": {"commit": "0" * 40, "branch": "main", "dirty": False},
        "packages": {f"package-{i}": "1.2.3" for i in range(packages)},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(info, indent=2))
    config = {
        "train": {"batch_size": 64, "seed": seed, "learning_rate": {"start_value": 0.001}},
        "arch": {"depth": seed % 7},
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    n = len(metrics) * points
    records = np.zeros(n, scalars.RECORD)
    records["metric"] = np.tile(np.arange(len(metrics)), points)
    records["step"] = np.repeat(np.arange(points), len(metrics))
    records["time"] = started + np.arange(n) * 0.001
    records["value"] = np.random.default_rng(seed).random(n)
    total = records.view("<u4").reshape(-1, 8).sum(axis=1, dtype=np.uint64) % np.uint64(2**32 - 1)
    records["check"] = (0xA11AB - total.astype(np.int64)) % (2**32 - 1)
    records.tofile(streams / "host-1-abc.scalars")
    end = started + n * 0.001
    events = [{"type": "status", "time": started, "state": "running"}]
    events += [
        {"type": "metric", "time": started, "id": i, "name": name, "primary": i == 0} for i, name in enumerate(metrics)
    ]
    events += [{"type": "heartbeat", "time": started + 5.0 * i} for i in range(100)]
    events += [{"type": "progress", "time": end, "value": 1.0}, {"type": "status", "time": end, "state": "finished"}]
    (streams / "host-1-abc.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))


def best(what: Callable[[], object], tries: int) -> float:
    """The least seconds of several tries."""
    seconds = []
    for _ in range(tries):
        start = time.perf_counter()
        what()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


class Report:
    """The rows, printed as they come."""

    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []

    def __call__(self, what: str, seconds: float, goal: float | None = None) -> None:
        self.rows.append({"what": what, "seconds": seconds, "goal_seconds": goal})
        ending = "" if goal is None else f"   goal {goal * 1000:6.0f} ms   {'met' if seconds <= goal else 'MISSED'}"
        print(f"{what:<62} {seconds * 1000:8.1f} ms{ending}", flush=True)


def long_runs(folder: Path, part: int, report: Report) -> None:
    """One metric of a long run."""
    for points, goal in ((1_000_000, 0.030), (10_000_000, 0.300)):
        path = folder / f"run-{points}"
        write_run(path, ["loss"], points // part)
        assert len(Run(path).values("loss")) == points // part
        seconds = best(lambda p=path: Run(p).values("loss"), 7)  # type: ignore[misc]
        report(f"one metric of {points // part:,} points", seconds, goal / part)


def ten_metrics(folder: Path, part: int, report: Report) -> None:
    """A run of ten metrics."""
    path = folder / "run-of-ten"
    write_run(path, [f"metric{i}" for i in range(10)], 100_000 // part)
    report(f"one of ten metrics of {100_000 // part:,} points", best(lambda: Run(path).values("metric3"), 5))
    report(f"all ten metrics of {100_000 // part:,} points", best(lambda: Run(path).all_values(), 5))


def everything(many: Path) -> None:
    """All values of all runs."""
    for run in Workspace(many):
        run.all_values()


def one_by_one(many: Path) -> None:
    """The same, a metric at a time."""
    for run in Workspace(many):
        for metric in run.metrics:
            run.values(metric)


def workspace_of_many(many: Path, count: int, report: Report) -> None:
    """What the Python interface and the command do with many runs."""
    report("the same, one metric after the other", best(lambda: one_by_one(many), 2))
    seconds = best(lambda: Workspace(many).runs(FILTER, sort="metric0"), 3)
    report(f"Workspace.runs() of {count:,} runs, filtered and sorted by a last value", seconds)
    command = [sys.executable, "-m", "ailab", "list", "-w", str(many)]
    version = [sys.executable, "-m", "ailab", "--version"]
    start = best(lambda: subprocess.run(version, check=True, capture_output=True), 3)
    report("the start of the command alone", start)
    for more in ([], [FILTER, "--sort", "metric0"]):
        seconds = best(lambda more=more: subprocess.run([*command, *more], check=True, capture_output=True), 3)  # type: ignore[misc]
        what = f"ailab list {'with a filter ' if more else ''}of {count:,} runs, the start left out"
        report(what, seconds - start, 1.0)


@contextlib.contextmanager
def slow_files(seconds: float) -> Iterator[None]:
    """Each ``os.open``, ``os.listdir`` and ``os.scandir`` of this process waits, as for the server of a share."""
    kept = {name: getattr(os, name) for name in ("open", "listdir", "scandir")}

    def slowly(name: str) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            time.sleep(seconds)
            return kept[name](*arguments, **options)

        return call

    try:
        for name in kept:
            setattr(os, name, slowly(name))
        yield
    finally:
        for name, function in kept.items():
            setattr(os, name, function)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How fast runs are read back.")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument("--goals", action="store_true", help="only what has a goal in docs/benchmarks-logging.md")
    parser.add_argument("--delay", type=float, metavar="MS", help="only many runs, on a share that is this slow")
    arguments = parser.parse_args()
    part = 10 if arguments.quick else 1
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.delay is None:
            long_runs(folder / "long", part, report)
            if not arguments.goals:
                ten_metrics(folder / "long", part, report)
        many = folder / "many"
        count = 1000 // part
        for i in range(count):
            write_run(many / "experiment" / f"run-{i:04}", [f"metric{m}" for m in range(10)], 1000, seed=i)
        if arguments.delay is None:
            report(f"{count:,} runs x 10 metrics x 1,000 points", best(lambda: everything(many), 3), 1.0 / part)
            if not arguments.goals:
                workspace_of_many(many, count, report)
        else:
            with slow_files(arguments.delay / 1000):
                report(f"all values of {count:,} runs", best(lambda: everything(many), 1))
                report("the same by Workspace.map()", best(lambda: list(Workspace(many).map(Run.all_values)), 1))
                report(f"Workspace.runs() of {count:,} runs", best(lambda: Workspace(many).runs(FILTER), 1))
                report(f"Workspace.rows() of {count:,} runs", best(lambda: Workspace(many).rows(), 1))
    if arguments.json:
        arguments.json.write_text(json.dumps(report.rows, indent=2))


if __name__ == "__main__":
    main()
