"""Many runs read at once by helper processes, or by none if they fail."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ailab.experiment.record.layout import create_run_folder
from ailab.experiment.record.writer import RecordWriter
from ailab_server.workspace import Workspace, follower, sweep
from ailab_server.workspace.poll import Poller

LONG_AGO = 1_700_000_000.0


@pytest.fixture
def many(workspace: Path, new_run: Callable[..., Any]) -> int:
    """Runs that are over, one that is damaged and one that lives."""
    folder = create_run_folder(workspace, "a")
    folder.info.write_text(json.dumps({"created": LONG_AGO, "task": "t"}))
    writer = RecordWriter(folder, lambda message, error: pytest.fail(message), clock=lambda: LONG_AGO)
    writer.event("status", state="running")
    writer.scalar("loss", 1.0, None, primary=True)
    writer.event("status", state="finished")
    writer.close()
    for number in range(30):
        shutil.copytree(folder.path, workspace / "a" / f"copy{number:02}")
    (scalars,) = (workspace / "a" / "copy03" / "streams").glob("*.scalars")
    scalars.write_bytes(scalars.read_bytes()[:-1])
    new_run("a")
    return 32


def rows(workspace: Path) -> tuple[dict[str, dict[str, Any]], Workspace]:
    followed = Workspace(workspace, None, lambda ids: None, lambda: None)
    followed.follower.look_for_runs()
    followed.follower.poll_runs()
    found = [json.loads(row) for row in followed.rows()]
    revisions = [run.pop("revision") for run in found]
    for run in found:
        if run["state"] == "running":  # its heart beats meanwhile
            run.pop("updated")
    assert len(set(revisions)) == len(revisions)
    assert max(revisions) <= followed.revision
    return {run["name"]: run for run in found}, followed


@pytest.mark.parametrize("processors", [2, 4])
def test_helpers_say_what_the_server_would(
    workspace: Path, many: int, monkeypatch: pytest.MonkeyPatch, processors: int
) -> None:
    alone, _ = rows(workspace)
    assert len(alone) == many
    assert alone["copy03"]["damaged"]
    monkeypatch.setattr(sweep, "_WORTH", 10)
    monkeypatch.setattr(sweep, "_BATCH", 3)
    monkeypatch.setattr(follower.os, "sched_getaffinity", lambda pid: range(processors))
    batches = sweep.Sweep.batches

    def once_helpers_have_read(self: sweep.Sweep) -> Iterator[Sequence[str]]:
        # So few are read before a helper is there, else.
        assert [one._process.wait(60.0) for one in self._helpers] == [0] * (processors - 1)
        return batches(self)

    monkeypatch.setattr(sweep.Sweep, "batches", once_helpers_have_read)
    read: list[str] = []
    poll = Poller.poll
    monkeypatch.setattr(Poller, "poll", lambda self, entry: (read.append(entry.relative), poll(self, entry))[1])
    helped, followed = rows(workspace)
    assert helped == alone
    # Whatever is in doubt the server looks at itself.
    assert len(read) == 2
    assert "a/copy03" in read
    assert followed.run_of_task("t") is not None
    assert len(followed.store.quiet) == many - 2


@pytest.fixture
def begin_helper(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], None]:
    """Helpers wait at their start; one begins when this is called."""
    gate, waiting = tmp_path / "gate", tmp_path / "waiting"
    os.mkfifo(gate)
    waiting.write_text(f'#!/bin/sh\nread go < {gate}\nexec {sys.executable} "$@"\n')
    waiting.chmod(0o755)
    monkeypatch.setattr(sweep.sys, "executable", str(waiting))

    def begin() -> None:
        gate.write_text("go\n")

    return begin


def test_whoever_knows_a_revision_is_told_what_helpers_bring_later(
    workspace: Path, many: int, monkeypatch: pytest.MonkeyPatch, begin_helper: Callable[[], None]
) -> None:
    followed = Workspace(workspace, None, lambda ids: None, lambda: None)
    batches = sweep.Sweep.batches
    known: dict[int, set[bytes]] = {}

    def with_a_look(self: sweep.Sweep) -> Iterator[Sequence[str]]:
        yield next(batches(self))
        begin_helper()
        assert [one._process.wait(60.0) for one in self._helpers] == [0]
        known[followed.revision] = set(followed.rows())

    monkeypatch.setattr(sweep, "_WORTH", 10)
    monkeypatch.setattr(sweep, "_BATCH", 3)
    monkeypatch.setattr(follower.os, "sched_getaffinity", lambda pid: range(2))
    monkeypatch.setattr(sweep.Sweep, "batches", with_a_look)
    followed.follower.look_for_runs()
    followed.follower.poll_runs()
    ((revision, before),) = known.items()
    assert len(before) == 3
    assert {*followed.rows()} == before | {*followed.rows(since=revision)}
    assert len(followed.rows()) == many


def test_the_server_and_its_helpers_read_each_run_once(
    workspace: Path, many: int, monkeypatch: pytest.MonkeyPatch, begin_helper: Callable[[], None]
) -> None:
    names = [f"a/{path.name}" for path in sorted((workspace / "a").iterdir())]
    monkeypatch.setattr(sweep, "_BATCH", 3)
    both = sweep.Sweep(workspace, names, 1, 60.0)
    batches = both.batches()
    read = list(next(batches))
    assert read == names[:3]
    begin_helper()
    helped = [kept.relative for kept in both.rest()]
    read += [name for batch in batches for name in batch]
    both.close()
    assert len(set(helped)) == len(helped)
    over = [name for name in names if "copy" in name and name != "a/copy03"]
    assert set(over) <= {*read, *helped}
    assert not {*read} & {*helped}


@pytest.mark.parametrize("way", ["stopped", "too long"])
def test_helpers_that_hang_are_not_waited_for(
    workspace: Path, many: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
) -> None:
    hanging = tmp_path / "hanging"
    hanging.write_text("#!/bin/sh\nexec sleep 1000\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(sweep.sys, "executable", str(hanging))
    monkeypatch.setattr(sweep, "_LIMIT", 1000.0 if way == "stopped" else 0.0)
    hung = sweep.Sweep(workspace, ["a/copy00"], 1, 60.0)
    (helper,) = hung._helpers
    if way == "stopped":
        hung.stop()
    assert list(hung.rest()) == []
    hung.close()
    assert helper._process.poll() is not None


def test_records_come_whole_however_they_are_cut(workspace: Path, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"a/{path.name}" for path in sorted((workspace / "a").iterdir())]
    monkeypatch.setattr(sweep, "_AT_ONCE", 101)
    cut = sweep.Sweep(workspace, names, 1, 60.0)
    assert len({kept.relative for kept in cut.rest()}) == many - 2
    cut.close()


@pytest.mark.parametrize("helper", ["/bin/false", "/bin/cat", "/does/not/exist"])
def test_a_helper_that_fails_costs_no_run(
    workspace: Path, many: int, monkeypatch: pytest.MonkeyPatch, helper: str
) -> None:
    alone, _ = rows(workspace)
    monkeypatch.setattr(sweep, "_WORTH", 10)
    monkeypatch.setattr(follower.os, "sched_getaffinity", lambda pid: range(2))
    monkeypatch.setattr(sweep.sys, "executable", helper)
    assert rows(workspace)[0] == alone


def test_few_runs_or_one_processor_need_no_helper() -> None:
    assert sweep.helpers_for(100, 8) == 0
    assert sweep.helpers_for(100_000, 1) == 0
    assert sweep.helpers_for(10_000, 2) == 1
    assert sweep.helpers_for(10_000, 64) == 3
