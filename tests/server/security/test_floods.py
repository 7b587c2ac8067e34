"""More of everything than anyone needs: the server answers, with less."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.experiment.record.packing import MODULUS, SUM
from ailab.experiment.record.scalars import RECORD, valid


def records(metrics: npt.NDArray[Any], steps: npt.NDArray[Any], values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Records of numbers as a writer packs them, all at once."""
    made = np.zeros(len(metrics), RECORD)
    made["metric"], made["step"], made["value"] = metrics, steps, values
    made["time"] = 1e9 + np.arange(len(metrics)) * 1e-3
    digits = made.view("<u4").reshape(-1, RECORD.itemsize // 4)
    total = digits.sum(axis=1, dtype=np.uint64) % np.uint64(MODULUS)
    made["check"] = (np.uint64(SUM) + np.uint64(MODULUS) - total) % np.uint64(MODULUS)
    assert valid(made).all()
    return made


def write_run(folder: Path, names: list[str], logged: npt.NDArray[Any]) -> None:
    (folder / "streams").mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"schema": 1, "created": 1e9, "host": "gpu1", "user": "ada"}))
    events: list[dict[str, Any]] = [{"type": "metric", "id": id, "name": name} for id, name in enumerate(names)]
    events.append({"type": "status", "state": "finished"})
    lines = "".join(json.dumps(event | {"time": 1e9}) + "\n" for event in events)
    (folder / "streams" / "w.jsonl").write_text(lines)
    logged.tofile(folder / "streams" / "w.scalars")


def series(answer: Any) -> dict[str, Any]:
    (length,) = struct.unpack_from("<I", answer.content)
    return dict(json.loads(answer.content[4 : 4 + length])["series"][0])


def test_a_hundred_thousand_names_and_names_of_a_megabyte(start_app: Callable[..., Any], workspace: Path) -> None:
    names = [f"metric{number}" for number in range(100_000)]
    every = np.arange(len(names))
    write_run(workspace / "many" / "run", names, records(every, np.zeros(len(names)), every.astype(float)))
    one = np.array([0])
    write_run(workspace / "long" / "run", ["n" * 2**20], records(one, one, one.astype(float)))
    app = start_app()
    assert app.services.workspace.wait_until_read(60)
    listed = app.client.get("/runs").json()["runs"]
    assert len(app.client.get("/runs").content) < 100_000
    ids = {run["experiment"]: run["id"] for run in listed}
    many = app.client.get(f"/runs/{ids['many']}")
    assert (len(many.json()["metrics"]), len(many.content) < 8 * 2**20) == (10_000, True)
    long = app.client.get(f"/runs/{ids['long']}")
    assert len(long.content) < 20_000
    assert len(long.json()["metrics"]) == 1


def test_ten_million_points_are_answered_by_a_thousand(start_app: Callable[..., Any], workspace: Path) -> None:
    count = 10_000_000
    values = np.zeros(count)
    values[1_234_567] = 42.0
    write_run(workspace / "large" / "run", ["loss"], records(np.zeros(count, np.uint32), np.arange(count), values))
    app = start_app()
    assert app.services.workspace.wait_until_read(60)
    (run,) = app.client.get("/runs").json()["runs"]
    answer = app.client.get(f"/runs/{run['id']}/series?metric=loss&points=1000")
    told = series(answer)
    assert (told["total"], told["reduced"]) == (count, True)
    assert told["count"] <= 1_000 and len(answer.content) < 50_000
    (length,) = struct.unpack_from("<I", answer.content)
    numbers = np.frombuffer(answer.content, "<f8", offset=4 + length).reshape(3, -1)
    assert (1_234_567, 42.0) in set(zip(numbers[0], numbers[2], strict=True))
    (workspace / "large" / "run" / "streams" / "w.scalars").unlink()  # a third of a gigabyte


def test_ten_thousand_runs_are_listed_and_each_is_one_row(start_app: Callable[..., Any], workspace: Path) -> None:
    (workspace / "many").mkdir()
    text = json.dumps({"schema": 1, "created": 1e9, "host": "gpu1"})
    for number in range(10_000):
        folder = workspace / "many" / f"run{number}"
        folder.mkdir()
        (folder / "run.json").write_text(text)
    app = start_app()
    assert app.services.workspace.wait_until_read(90)
    runs = app.client.get("/runs").json()["runs"]
    assert len(runs) == len({run["id"] for run in runs}) == 10_000
    answer = app.client.get("/storage/runs?limit=1000")
    assert (answer.status_code, app.client.get("/storage").json()["runs"]) == (200, 10_000)
