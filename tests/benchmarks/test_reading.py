"""``benchmarks/reading.py`` makes runs that read as real ones, and its slow share is slow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    sys.modules.pop("reading", None)


def test_a_made_run_is_read_as_a_finished_one(tmp_path: Path) -> None:
    from ailab.experiment import Workspace
    from reading import everything, write_run

    write_run(tmp_path / "experiment" / "run", ["loss", "accuracy"], 50, seed=3)
    (run,) = Workspace(tmp_path)
    assert (run.state, run.metrics, run.primary) == ("finished", ["loss", "accuracy"], "loss")
    assert run.values("accuracy")["step"].tolist() == list(range(50))
    assert (run.problems, run.config.train.seed) == ([], 3)
    everything(tmp_path)


def test_files_are_slow_within_the_block_alone(tmp_path: Path) -> None:
    from reading import slow_files

    before = os.listdir
    with slow_files(0.02):
        began = time.perf_counter()
        assert os.listdir(tmp_path) == []
        assert time.perf_counter() - began >= 0.02
    assert os.listdir is before


def test_the_command_writes_what_has_a_goal(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARKS / "reading.py"), "--quick", "--goals", "--json", str(tmp_path / "found")]
    subprocess.run(command, check=True, timeout=100, capture_output=True)
    rows = json.loads((tmp_path / "found").read_text())
    assert [row["goal_seconds"] for row in rows] == [0.003, 0.03, 0.1]
    assert all(0 < row["seconds"] < 60 for row in rows)
