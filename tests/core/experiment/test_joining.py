"""Ranks as processes of their own, each of which sees nothing of the others but the workspace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ailab.experiment
from ailab.experiment import Config, Run, Workspace, joining, opening
from ailab.experiment.ranks import ranks_here
from ailab.experiment.record import RunReader
from ailab.experiment.record.layout import RunFolder, create_run_folder
from ailab.experiment.record.writer import RecordWriter

SCRIPT = """
import os, sys
import ailab.experiment
from ailab.experiment import joining
joining._WAIT_SECONDS = float(os.environ.get("WAIT", "30"))
rank = int(os.environ["RANK"])
config = ailab.experiment.Config()
for name in ("model", "loss", "metrics", "prepare"):
    setattr(config.arch, name, print)
config.train.device = os.environ.get("DEVICE", "gpu")
run = ailab.experiment.start(config, workspace=sys.argv[1], snapshot=rank == 0)
run.log({"loss": 10.0 + rank, f"rank{rank}/loss": 1.0})
print(run.path, flush=True)
if sys.stdin.readline() == "raise\\n":
    raise ValueError(f"rank {rank} diverged")
"""

LAUNCH = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29511"}


class Rank:
    def __init__(self, workspace: Path, number: int, **environment: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "TORCHELASTIC_"))}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(workspace)],
            env={**kept, **LAUNCH, "RANK": str(number), **environment},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=workspace.parent,
        )  # fmt: skip

    def path(self) -> Path:
        assert self.process.stdout is not None
        return Path(self.process.stdout.readline().strip())

    def end(self, how: str = "") -> str:
        """Its stderr."""
        return self.process.communicate(how + "\n", timeout=60)[1]


@pytest.fixture
def rank(workspace: Path) -> Iterator[Callable[..., Rank]]:
    made: list[Rank] = []

    def make(number: int, **environment: str) -> Rank:
        made.append(Rank(workspace, number, **environment))
        return made[-1]

    yield make
    for one in made:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


def test_ranks_find_one_another_in_any_order(workspace: Path, rank: Callable[..., Rank]) -> None:
    second = rank(1, DEVICE="gpu1")  # which has to wait
    first = rank(0)
    path = first.path()
    assert second.path() == path
    assert "configuration is not that of rank 0" in second.end() and "train.device" in json.dumps(Run(path).warnings)
    first.end()
    (run,) = Workspace(workspace).runs()
    assert run.state == "finished"
    assert run.info["ranks"]["size"] == 2 and len(run.info["segments"]) == 1
    assert sorted(run.values("loss").value.tolist()) == [10.0, 11.0]
    assert run.values("loss", rank=0).value.tolist() == [10.0]
    assert run.values("loss", rank=1).value.tolist() == [11.0]
    assert run.config.train.device == "gpu"
    assert {"rank0/loss", "rank1/loss"} <= set(run.metrics)


def test_a_run_left_behind_by_an_earlier_launch_is_not_taken(workspace: Path, rank: Callable[..., Rank]) -> None:
    dead = rank(0)
    old = dead.path()
    dead.process.kill()  # so that its run still says "running"
    dead.process.communicate()
    second = rank(1, WAIT="0.3")
    assert second.path() != old
    second.end()
    assert Run(old).metrics == ["loss", "rank0/loss"]


def test_a_rank_that_finds_none_says_so_and_goes_on(workspace: Path, rank: Callable[..., Rank]) -> None:
    alone = rank(1, WAIT="0.1")
    path = alone.path()
    assert "rank 1 of 2, and rank 0 has started no run of Config" in alone.end()
    assert Run(path).state == "finished"
    assert "AILAB_RUN_ID" in Run(path).warnings[0]
    assert Run(path).config.train.device == "gpu"


def test_ranks_may_stay_apart(workspace: Path, rank: Callable[..., Rank]) -> None:
    paths = {rank(number, AILAB_RANKS="apart").path() for number in (0, 1)}
    assert len(paths) == 2


def test_the_first_failure_is_what_happened(workspace: Path, rank: Callable[..., Rank]) -> None:
    first, second = rank(0), rank(1)
    path = first.path()
    second.path()
    second.end("raise")
    first.process.terminate()  # as a launcher does then
    first.end()
    for found in (Run(path), RunReader(path)):
        if isinstance(found, RunReader):
            found.poll()
        assert (found.state, found.error) == ("failed", "ValueError: rank 1 diverged")
        assert found.traceback is not None and "line" in found.traceback


def test_another_attempt_of_torchrun_goes_on_with_the_run(workspace: Path, rank: Callable[..., Rank]) -> None:
    def attempt(number: int) -> tuple[Path, Path]:
        launch = {"TORCHELASTIC_RUN_ID": "none", "TORCHELASTIC_RESTART_COUNT": str(number)}
        second, first = rank(1, **launch), rank(0, **launch)
        paths = first.path(), second.path()
        first.end()
        second.end()
        return paths

    before, after = attempt(0), attempt(1)
    assert len({*before, *after}) == 1
    run = Run(before[0])
    assert len(run.info["segments"]) == 2 and run.info["ranks"]["attempt"] == 1
    for number in (0, 1):
        assert run.values("loss", rank=number)["step"].tolist() == [0, 1]


def test_a_rank_on_another_machine_joins_what_it_sees_grow(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, config: Config
) -> None:
    for name, value in {**LAUNCH, "RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    ranks = ranks_here()
    assert ranks is not None
    folder = create_run_folder(workspace, "digits")
    dead = create_run_folder(workspace, "digits")
    facts = {"key": ranks.key, "nth": 0, "attempt": 0, "launcher": "elsewhere:1:1"}
    for one in (folder, dead):
        (one.path / "run.json").write_text(json.dumps({"host": "elsewhere", "pid": 1, "ranks": facts}))
    writer = RecordWriter(folder, lambda what, error: None)
    try:
        series = writer.series("loss")
        looked = threading.Event()
        real = joining._written

        def written(which: RunFolder) -> int:
            size = real(which)
            if which.path == folder.path:
                looked.set()
            return size

        monkeypatch.setattr(joining, "_written", written)
        found: list[str | None] = []
        thread = threading.Thread(target=lambda: found.append(joining.find_run(workspace / "digits", ranks, 0, 20)))
        thread.start()
        assert looked.wait(20)
        assert not found
        series.write(series, 1.0, None)
        thread.join(20)
        assert found == [folder.path.name]
        assert joining.find_run(workspace / "digits", ranks, 1, 0.0) is None  # the second run of the launch
    finally:
        writer.close()


def test_of_many_runs_only_the_newest_are_looked_into(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**LAUNCH, "RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    ranks = ranks_here()
    assert ranks is not None
    for number in range(joining._NEWEST + 20):
        folder = workspace / "digits" / f"2026-01-01_00.00.00_{number:05}"
        folder.mkdir(parents=True)
        (folder / "run.json").write_text("{}")
    read: list[Path] = []
    real = joining.read_regular
    monkeypatch.setattr(joining, "read_regular", lambda path: read.append(path) or real(path))  # type: ignore[func-returns-value]
    assert joining.find_run(workspace / "digits", ranks, 0, 0.2) is None
    assert len(read) == joining._NEWEST  # each once, however often it looked


def test_what_is_started_later_pairs_by_its_number(
    workspace: Path, make_config: Callable[[], Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**LAUNCH, "RANK": "0", "MASTER_PORT": "29512"}.items():
        monkeypatch.setenv(name, value)
    opening._started.clear()
    numbers = []
    for _ in range(2):
        with ailab.experiment.start(make_config(), workspace=workspace, snapshot=False) as run:
            pass
        numbers.append(json.loads((run.path / "run.json").read_bytes())["ranks"]["nth"])
    assert numbers == [0, 1]


def test_a_variable_that_makes_no_sense(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AILAB_RANKS", "separate")
    with pytest.raises(ValueError, match="AILAB_RANKS must be 'together' or 'apart', got 'separate'"):
        ailab.experiment.start(config)
