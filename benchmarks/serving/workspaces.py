"""Workspaces of many runs, quickly: the bytes are those that the real writer writes.

``tests/server/test_benchmark.py`` holds them equal.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.experiment.record import scalars

__all__ = ["LiveWriter", "Shape", "Values", "make_run", "make_workspace"]

_MODULUS = 2**32 - 1
_SUM = 0xA11AB
_CREATED = 1_750_000_000.0

Values = Callable[[int, int, tuple[str, ...]], npt.NDArray[np.float64]]
"""Number of the run, points and metrics → values, (points, metrics)."""


@dataclass(frozen=True)
class Shape:
    """How many runs, and how many points each of their metrics has. The first metric is the primary one."""

    runs: int
    points: int
    metrics: tuple[str, ...] = ("loss",)


def noisy(number: int, points: int, metrics: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """A falling curve a metric, with noise."""
    falling = 1.0 / (1.0 + 0.01 * np.arange(points))
    return falling[:, None] + 0.05 * np.random.default_rng(number).standard_normal((points, len(metrics)))


def make_workspace(root: Path, shape: Shape, values: Values = noisy) -> Path:
    """A workspace of finished runs, at most a thousand an experiment."""
    for number in range(shape.runs):
        name = f"2025-06-15_12.{number // 60 % 60:02}.{number % 60:02}_{number:05}"
        make_run(root / f"experiment{number // 1000:02}" / name, number, shape.points, shape.metrics, values)
    return root


def make_run(folder: Path, number: int, points: int, metrics: tuple[str, ...], values: Values = noisy) -> None:
    """One finished run: its metrics logged in turn, a tenth of a second a step."""
    created = _CREATED + 60.0 * number
    for part in ("streams", "images", "checkpoints"):
        (folder / part).mkdir(parents=True)
    info = {"schema": 1, "created": created, "host": "gpu1", "user": "ada", "python": "3.11", "command": ["train.py"]}
    (folder / "config.json").write_text(json.dumps({"lr": 0.1, "layers": [64, 64], "seed": number}))
    (folder / "run.json").write_text(json.dumps(info))
    writer = f"gpu1-{number + 1}-abcdef"
    records = _records(values(number, points, metrics), created)
    (folder / "streams" / f"{writer}.scalars").write_bytes(records.tobytes())
    end = created + 0.1 * points
    events: list[dict[str, Any]] = [{"type": "status", "time": created, "state": "running"}]
    events += [
        {"type": "metric", "time": created, "id": id, "name": name, "primary": id == 0}
        for id, name in enumerate(metrics)
    ]
    events += [{"type": "progress", "time": end, "value": 1.0}, {"type": "status", "time": end, "state": "finished"}]
    (folder / "streams" / f"{writer}.jsonl").write_bytes(b"".join(json.dumps(e).encode() + b"\n" for e in events))


def checked(records: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``records`` with the check that `ailab.experiment.record.scalars.pack` gives each."""
    records["check"] = 0
    words = records.view("<u4").reshape(-1, scalars.SIZE // 4)
    rest = words.sum(axis=1, dtype=np.uint64) % np.uint64(_MODULUS)
    records["check"] = ((np.uint64(_SUM + _MODULUS) - rest) % np.uint64(_MODULUS)).astype(np.uint32)
    return records


def _records(values: npt.NDArray[np.float64], created: float) -> npt.NDArray[Any]:
    points, metrics = values.shape
    records = np.zeros((points, metrics), scalars.RECORD)
    steps = np.arange(points)[:, None]
    records["metric"] = np.arange(metrics)
    records["step"] = steps
    records["time"] = created + 0.1 * steps
    records["value"] = values
    return checked(records.reshape(-1))


class LiveWriter:
    """Live runs, written by the real writer in a process of its own.

    Args:
        runs: so many, below ``root``/live.
        rate: values a second each logs.
    """

    def __init__(self, root: Path, runs: int, rate: float, seconds: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(root), str(runs), str(rate), str(seconds)], stdout=subprocess.PIPE, text=True
        )

    def logged(self) -> dict[int, float]:
        """Step → when the first run logged it, once the writer has ended."""
        out, _ = self._process.communicate()
        return {int(step): float(when) for step, when in (line.split() for line in out.splitlines())}

    def stop(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.communicate()


def _write_live(root: Path, runs: int, rate: float, seconds: float) -> None:
    import time

    from ailab.experiment.record import RecordWriter, create_run_folder

    def problem(message: str, error: OSError) -> None:
        raise SystemExit(f"{message}: {error}")

    writers = []
    for _ in range(runs):
        folder = create_run_folder(root, "live")
        folder.config.write_text("{}")
        writers.append(RecordWriter(folder, problem))
        writers[-1].event("status", state="running")
        folder.info.write_text(json.dumps({"schema": 1, "created": time.time(), "host": os.uname().nodename}))
    end = time.monotonic() + seconds
    random = np.random.default_rng(0)
    while time.monotonic() < end:
        for number, writer in enumerate(writers):
            step, _ = writer.scalar("loss", time.time(), None, primary=True)
            if number == 0:
                print(step, time.time(), flush=True)
        # Not in step with any clock of the reader's.
        time.sleep(random.uniform(0.5, 1.5) / rate)
    for writer in writers:
        writer.event("status", state="finished")
        writer.close()


if __name__ == "__main__":
    _write_live(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
