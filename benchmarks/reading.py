"""How fast runs are read back: ``python benchmarks/reading.py [--json FILE] [--quick]``.

Makes runs in a temporary folder, reads them with what users call, and prints the best of several tries beside the goal.
The files are in the operating system's cache, as right after a training; a first look over a network adds its time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ailab.experiment import Run, Workspace
from ailab.experiment.record import scalars


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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    arguments = parser.parse_args()
    part = 10 if arguments.quick else 1
    rows: list[dict[str, object]] = []

    def report(what: str, seconds: float, goal: float | None) -> None:
        rows.append({"what": what, "seconds": seconds, "goal_seconds": goal})
        ending = "" if goal is None else f"   goal {goal * 1000:6.0f} ms   {'met' if seconds <= goal else 'MISSED'}"
        print(f"{what:<62} {seconds * 1000:8.1f} ms{ending}", flush=True)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for points, goal in ((1_000_000, 0.030), (10_000_000, 0.300)):
            path = folder / "long" / f"run-{points}"
            write_run(path, ["loss"], points // part)
            assert len(Run(path).values("loss")) == points // part
            report(
                f"one metric of {points // part:,} points", best(lambda p=path: Run(p).values("loss"), 7), goal / part
            )
        path = folder / "long" / "run-of-ten"
        write_run(path, [f"metric{i}" for i in range(10)], 100_000 // part)
        report(f"one of ten metrics of {100_000 // part:,} points", best(lambda: Run(path).values("metric3"), 5), None)
        report(f"all ten metrics of {100_000 // part:,} points", best(lambda: Run(path).all_values(), 5), None)
        many = folder / "many"
        count = 1000 // part
        for i in range(count):
            write_run(many / "experiment" / f"run-{i:04}", [f"metric{m}" for m in range(10)], 1000, seed=i)

        def together() -> None:
            for run in Workspace(many):
                run.all_values()

        def one_by_one() -> None:
            for run in Workspace(many):
                for metric in run.metrics:
                    run.values(metric)

        def filtered() -> None:
            Workspace(many).runs("metric0 < 0.5 and train.batch_size == 64", sort="metric0")

        report(f"{count:,} runs x 10 metrics x 1,000 points", best(together, 3), 1.0 / part)
        report("the same, one metric after the other", best(one_by_one, 2), None)
        report(f"Workspace.runs() of {count:,} runs, filtered and sorted by a last value", best(filtered, 3), None)
        command = [sys.executable, "-m", "ailab", "list", "-w", str(many)]
        start = best(
            lambda: subprocess.run([sys.executable, "-m", "ailab", "--version"], check=True, capture_output=True), 3
        )
        report("the start of the command alone", start, None)
        for more in ([], ["metric0 < 0.5 and train.batch_size == 64", "--sort", "metric0"]):
            seconds = best(lambda more=more: subprocess.run([*command, *more], check=True, capture_output=True), 3)
            report(
                f"ailab list {'with a filter ' if more else ''}of {count:,} runs, the start left out",
                seconds - start,
                1.0,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
