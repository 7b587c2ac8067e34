"""The benchmark's workspaces are what the real writer writes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ailab.experiment.record import RunReader, scalars

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in ("loading", "serving", "share", "sharing")]:
        del sys.modules[name]


def test_generated_records_are_byte_for_byte_those_of_the_writer(tmp_path: Path) -> None:
    from serving.workspaces import make_run

    make_run(tmp_path / "run", 3, 50, ("loss", "accuracy"))
    (file,) = (tmp_path / "run" / "streams").glob("*.scalars")
    data = file.read_bytes()
    records = np.frombuffer(data, scalars.RECORD)
    packed = [scalars.pack(int(r["metric"]), int(r["step"]), float(r["time"]), float(r["value"])) for r in records]
    assert b"".join(packed) == data


def test_a_generated_run_is_read_as_a_finished_one(tmp_path: Path) -> None:
    from serving.workspaces import Shape, make_workspace

    make_workspace(tmp_path, Shape(3, 7, ("loss", "accuracy")))
    runs = sorted((tmp_path / "experiment00").iterdir())
    assert len(runs) == 3
    for run in runs:
        reader = RunReader(run)
        reader.poll()
        assert (reader.state, reader.damaged, reader.progress) == ("finished", False, 1.0)
        assert [(m.name, m.primary, m.count) for m in reader.metrics.values()] == [
            ("loss", True, 7),
            ("accuracy", False, 7),
        ]
        assert json.loads((run / "run.json").read_text())["schema"] == 1


def test_the_contest_times_right_answers_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from serving import contest
    from serving.contenders import CONTENDERS
    from serving.workspaces import Shape

    monkeypatch.setattr(contest, "_SOME", Shape(4, 1_200, ("loss", "accuracy")))
    told: list[str] = []
    result = contest.compete(CONTENDERS["AI Lab"](sys.executable), tmp_path, ["some"], 1, told.append)
    assert result["failed"] == {}
    assert 0 < result["cells"]["200 runs listed"] <= result["cells"]["200 series"]
    assert result["cells"]["memory most"] > 10
    monkeypatch.setattr(contest, "whole", lambda found, shape, most: False)
    monkeypatch.setattr(contest, "_LIMIT", 0.0)
    result = contest.compete(CONTENDERS["AI Lab"](sys.executable), tmp_path, ["some"], 1, told.append)
    assert "no right answer" in result["failed"]["some"]


@pytest.mark.parametrize(("took", "starts"), [(59.0, 3), (61.0, 1)])
def test_what_takes_more_than_a_minute_is_measured_once(
    took: float, starts: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from serving import contest
    from serving.contenders import CONTENDERS

    attempts: list[tuple[object, ...]] = []

    def attempt(*arguments: object) -> tuple[float, float]:
        attempts.append(arguments)
        return 1.0, took

    monkeypatch.setattr(contest, "_data", lambda *arguments: tmp_path)
    monkeypatch.setattr(contest, "_attempt", attempt)
    result = contest.compete(CONTENDERS["AI Lab"](sys.executable), tmp_path, ["some"], 3, lambda line: None)
    assert result["cells"] == {"200 runs listed": 1.0, "200 series": took}
    assert len(attempts) == starts


def test_our_runs_hold_what_the_peers_writers_log(tmp_path: Path) -> None:
    from serving.contenders import CONTENDERS
    from serving.workspaces import Shape
    from serving.writers.values import values

    metrics = ["loss", "accuracy"]
    CONTENDERS["AI Lab"](sys.executable).write(tmp_path, Shape(3, 20, tuple(metrics)))
    files = sorted(tmp_path.glob("*/*/streams/*.scalars"))
    assert len(files) == 3
    for number, file in enumerate(files):
        records = np.frombuffer(file.read_bytes(), scalars.RECORD)
        logged = [
            (step, name, value) for step, line in enumerate(values(number, 20, metrics)) for name, value in line.items()
        ]
        assert [(r["step"], metrics[r["metric"]], r["value"]) for r in records] == logged


@pytest.mark.parametrize(
    ("does", "reason"), [("raise SystemExit(3)", "exit status 3"), ("import time; time.sleep(100)", "timed out")]
)
def test_a_writer_that_fails_or_takes_too_long_is_a_failed_case(
    does: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from serving import contest
    from serving.contenders import CONTENDERS, base

    peer = CONTENDERS["TensorBoard"](sys.executable)
    monkeypatch.setattr(base, "_WRITING", 0.5 if reason == "timed out" else 100.0)
    monkeypatch.setattr(peer, "version", lambda: "1")
    monkeypatch.setattr(peer, "_writer", lambda *order: [sys.executable, "-c", does])
    told: list[str] = []
    result = contest.compete(peer, tmp_path, ["long", "some"], 1, told.append)
    assert set(result["failed"]) == {"long", "some"}
    assert all(reason in why for why in result["failed"].values())
    assert not list(tmp_path.rglob("whole"))


def test_trackio_is_asked_by_the_ids_of_runs_as_its_page_does() -> None:
    from serving.contenders import CONTENDERS, Got
    from serving.contenders.base import Http
    from serving.workspaces import Shape

    asked: list[Any] = []

    class Answers(Http):
        def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> bytes:
            asked.append(body)
            one = {"run": "run00000", "run_id": "5f", "logs": [{"step": 0, "loss": 1.0}, {"step": 1, "loss": 2.0}]}
            runs = [{"id": "5f", "name": "run00000"}]
            return json.dumps({"data": runs if path.endswith("project") else [one]}).encode()

    peer = CONTENDERS["trackio"](sys.executable)
    http = Answers(1)
    runs = peer.runs(http, Shape(1, 2))
    assert peer.series(http, runs, ["loss"]) == {("5f", "loss"): Got(2, 1)}
    assert asked[1]["runs"] == [{"run": "run00000", "run_id": "5f"}]


def test_what_a_whole_answer_is() -> None:
    from serving.contenders import Got
    from serving.contest import whole
    from serving.workspaces import Shape

    short, long = Shape(1, 10), Shape(1, 10_000)
    assert whole({("a", "loss"): Got(10, 9)}, short, 1000)
    assert not whole({}, short, 1000)
    assert not whole({("a", "loss"): Got(9, 9)}, short, 1000)
    assert not whole({("a", "loss"): Got(10, 8)}, short, 1000)
    assert not whole({("a", "loss"): Got(10, 9), ("b", "loss"): Got(10, 9)}, short, 1000)
    assert whole({("a", "loss"): Got(900, 9_999)}, long, 1000)
    assert not whole({("a", "loss"): Got(400, 9_999)}, long, 1000)
    assert not whole({("a", "loss"): Got(900, 9_998)}, long, 1000)


def test_nothing_is_asked_when_it_is_too_late() -> None:
    from serving.contenders.base import Http

    http = Http(1)
    http.until = time.monotonic() - 1.0
    with pytest.raises(TimeoutError, match="not asked any more"):
        http.ask("GET", "/")


def test_an_answer_without_the_run_tells_of_no_step() -> None:
    from serving.contenders import Got
    from serving.contest import follow

    key = ("run00000", "loss")
    answers = iter([{}, {key: Got(1, 0)}, {}, {key: Got(1, 0)}, {key: Got(4, 3)}])
    last: dict[tuple[str, str], Got] = {}
    before = time.time()
    seen = follow(lambda: next(answers, last), 0.5)
    assert list(seen) == [0, 3]
    assert before < seen[0] < seen[3] < time.time()


def test_waits_are_those_of_every_value() -> None:
    from serving.contest import waits

    logged = {0: 0.0, 1: 1.0, 2: 2.0, 3: 3.0}
    assert list(waits(logged, {0: 0.5, 2: 2.5, 3: 3.25})) == [1.5, 0.5, 0.25]


def test_a_tree_as_aim_streams_it() -> None:
    from serving.contenders.aim import pairs

    def part(data: bytes) -> bytes:
        return len(data).to_bytes(4, "little") + data

    key = b"run1\xfetraces\xfe\xfe" + (254).to_bytes(8, "big") + b"\xfename\xfe"
    assert list(pairs(part(key) + part(b"\x04loss") + part(b"x\xfe") + part(b""))) == [
        (["run1", "traces", 254, "name"], b"\x04loss"),
        (["x"], b""),
    ]


def test_results_become_the_documents_tables() -> None:
    from marks import fill
    from serving.contest import CASES
    from serving.table import tables

    document = "a\n<!-- table: machine -->\nold\n<!-- end -->\n<!-- table: peers -->\n<!-- end -->\n"
    document += "<!-- table: goals -->\nkept\n<!-- end -->\nz\n"
    cells = {"1 M-point series": 0.6123, "200 runs listed": 12.34, "200 series": 123.4}
    one = {"version": "1", "points": 1000, "cells": {**cells, "memory least": 80.4, "memory most": 99.6},
           "failed": {"live": "no"}}  # fmt: skip
    results = {"machine": {"cpu": "X", "cores": 2, "versions": {"python": "3"}}, "load": [0.1, 2.0], "results": {},
               "contest": {"AI Lab": one}}  # fmt: skip
    filled = fill(document, tables(results))
    assert "| AI Lab | 0.61 | 12.3 / 123 | – | 80–100 | failed |" in filled
    assert "2 × X, Python 3; load 0.1 at the start, 2.0 at the end; AI Lab 1." in filled
    assert "Others" not in filled
    assert "Others used the machine" in fill(document, tables({**results, "load": [0.1, 4.5]}))
    assert "\nkept\n" in filled
    assert "old" not in filled
    assert fill(filled, tables(results)) == filled
    with pytest.raises(ValueError, match="goals"):
        fill(document.replace("goals", "other"), tables(results))
    assert set(CASES) == {"long", "some", "many", "live"}


def test_the_servers_document_takes_the_tables() -> None:
    from serving.table import tables

    text = (BENCHMARKS.parent / "docs" / "benchmarks-server.md").read_text()
    for name in tables({"machine": {}, "load": [0, 0], "results": {}, "contest": {}}):
        assert f"<!-- table: {name} -->\n" in text


def test_what_a_share_adds_becomes_figures_and_a_table() -> None:
    import share

    waits = {"local": [0.3, 0.1, 0.2], "4.2": [n / 100 for n in range(200, 0, -1)]}
    results = {"results": share.figures(waits), "values": {where: len(found) for where, found in waits.items()}}
    p95 = results["results"]["value logged to stream, p95, NFS 4.2"]
    assert p95 == {"goal": 1.5, "measured": 1.91, "unit": "s", "met": False}
    assert results["results"]["value logged to stream, p95, the guest's ext4"]["goal"] is None
    assert share.table(results).splitlines()[2:] == [
        "| the guest's ext4 | 3 | 0.20 | 0.30 | 0.30 |  |",
        "| NFS 4.2 | 200 | 1.00 | 1.91 | 2.00 | 1.5 s, missed |",
    ]
    text = (BENCHMARKS.parent / "docs" / "benchmarks-server.md").read_text()
    assert "<!-- table: share -->\n" in text


def test_a_machine_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    from sharing import packages

    monkeypatch.setattr(packages.shutil, "which", lambda tool, path: None if "qemu" in tool else f"/bin/{tool}")
    monkeypatch.setattr(packages.platform, "machine", lambda: "x86_64")
    (said,) = packages.missing()
    assert "apt-get install --no-install-recommends qemu-system-x86" in said


def test_modules_are_loaded_after_those_that_they_need(tmp_path: Path) -> None:
    from sharing.machine import load_order
    from sharing.packages import Parts

    parts = Parts(tmp_path, "6.1")
    parts.modules.mkdir(parents=True)
    lines = ["fs/9p/9p.ko: net/9p/9pnet.ko fs/netfs.ko", "net/9p/9pnet.ko:", "fs/netfs.ko: lib/x.ko", "lib/x.ko:"]
    lines += ["net/9p/9pnet_virtio.ko.xz: net/9p/9pnet.ko", "drivers/virtio-pci.ko:"]
    (parts.modules / "modules.dep").write_text("\n".join(lines))
    names = ["virtio-pci", "9pnet", "9pnet_virtio", "x", "netfs", "9p"]
    assert [Path(path).name.partition(".")[0] for path in load_order(parts)] == names
