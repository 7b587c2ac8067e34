"""Many runs read at once by helper processes, or by none if they fail."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
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
    monkeypatch.setattr(follower.os, "sched_getaffinity", lambda pid: range(processors))
    read: list[str] = []
    poll = Poller.poll
    monkeypatch.setattr(Poller, "poll", lambda self, entry: (read.append(entry.relative), poll(self, entry))[1])
    helped, followed = rows(workspace)
    assert helped == alone
    assert len(read) < many * 0.7
    assert "a/copy03" in read  # whatever is in doubt the server looks at itself
    assert followed.run_of_task("t") is not None
    assert len(followed.store.quiet) == many - 2


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
    assert sweep.shares(["a"] * 100, 8) == []
    assert sweep.shares(["a"] * 100_000, 1) == []
    given = sweep.shares([str(number) for number in range(10_000)], 2)
    assert [len(share) for share in given] == [4500]
    given = sweep.shares([str(number) for number in range(10_000)], 64)
    assert len(given) == 3
    together = [run for share in given for run in share]
    assert together == [str(number) for number in range(len(together))]
    assert len(together) < 8_000
