from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ailab.experiment import Run
from ailab.experiment import logging as log
from ailab.experiment.checkup import check_run, check_workspace
from ailab.experiment.trash import trash

Record = Callable[..., Run]


def said(run: Run) -> list[tuple[str, str]]:
    return [(finding.kind, finding.what) for finding in check_run(Run(run.path))]


def test_a_healthy_workspace(record: Record, workspace: Path) -> None:
    record({"loss": [1.0]})
    assert list(check_workspace(workspace)) == []


def test_a_damaged_stream_is_located(record: Record) -> None:
    run = record({"loss": [1.0, 2.0, 3.0, 4.0]})
    (path,) = run.folder.streams.glob("*.scalars")
    data = bytearray(path.read_bytes())
    data[70] ^= 8
    path.write_bytes(data)
    assert said(run) == [("problem", f"streams/{path.name} is damaged at byte 64: 2.0 of 4.0 records are lost")]


def test_files_that_cannot_be_read(record: Record) -> None:
    run = record()
    run.folder.config.write_text("{")
    (kind, what), *_ = said(run)
    assert kind == "problem"
    assert what.startswith("config.json cannot be read")


def test_another_schema(record: Record) -> None:
    run = record()
    run.folder.info.write_text(json.dumps({**run.info, "schema": 99}))
    assert said(run) == [("problem", "run.json has schema 99; this version reads 1: upgrade ailab")]


def test_a_missing_image_and_what_a_dead_process_left(record: Record) -> None:
    run = record()
    (run.folder.streams / "w.scalars").write_bytes(b"")
    (run.folder.streams / "w.jsonl").write_text(
        json.dumps({"type": "image", "time": 1, "name": "a", "step": 0, "file": "a@0.png"}) + "\n"
    )
    left = run.path / ".run.json.abcd"
    left.write_text("x")
    os.utime(left, (1, 1))
    assert said(run) == [
        ("problem", "images/a@0.png was logged and is not there"),
        ("note", ".run.json.abcd was left by a process that died while writing"),
    ]


def test_a_clock_that_is_wrong(record: Record) -> None:
    run = record()
    run.folder.info.write_text(json.dumps({**run.info, "created": time.time() + 3600}))
    assert "clocks" in said(run)[0][1]


def test_a_run_that_died_is_a_note(record: Record) -> None:
    run = record()
    for path in run.folder.streams.glob("*.jsonl"):
        path.write_text(json.dumps({"type": "status", "time": 1, "state": "running"}) + "\n")
    assert [kind for kind, _ in said(run)] == ["note"]


def test_a_run_in_progress_is_left_alone(config: object, workspace: Path) -> None:
    path = log.setup(config, snapshot=False, capture_output=False)  # type: ignore[arg-type]
    log.log_value("loss", 1.0)
    scalars = next((path / "streams").glob("*.scalars"))
    with scalars.open("ab") as file:
        file.write(b"half a record")
    assert list(check_run(Run(path))) == []


def test_the_workspace_itself(record: Record, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (workspace / "e" / "r" / "streams").mkdir(parents=True)
    trash(workspace, record())
    monkeypatch.setattr("ailab.experiment.checkup._LITTLE_SPACE", 1 << 62)
    found = [(finding.kind, finding.what) for finding in check_workspace(workspace)]
    assert found[0][1].endswith("MiB are free")
    assert ("problem", "has streams and no run.json: its run never began, or the file was lost") in found
    assert found[-1] == ("note", "1 runs are in the trash; 'ailab gc' shows what they take")
