"""Following a workspace that changes, with everything in it that should not be there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ailab.experiment.record import RunReader
from ailab.experiment.record.layout import RunFolder
from ailab.experiment.record.writer import RecordWriter
from ailab_server.workspace import Workspace, follower, poll


class Listener:
    def __init__(self) -> None:
        self.changed: list[str] = []
        self.availability = 0

    def on_change(self, ids: list[str]) -> None:
        self.changed += ids

    def on_availability(self) -> None:
        self.availability += 1


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def follow(workspace: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Workspace]]:
    monkeypatch.setattr(follower, "_LIST_SECONDS", 0.05)
    monkeypatch.setattr(follower, "_POLL_SECONDS", 0.02)
    monkeypatch.setattr(follower, "_LOCAL_POLL_SECONDS", 0.02)
    started = []

    def start(only: list[str] | None = None) -> Workspace:
        followed = Workspace(workspace, only, listener.on_change, listener.on_availability)
        followed.start()
        assert followed.wait_until_read(10)
        started.append(followed)
        return followed

    yield start
    for followed in started:
        followed.close()


def test_a_run_appears_grows_and_ends(
    follow: Callable[..., Workspace], new_run: Callable[..., Any], eventually: Callable[..., Any], listener: Listener
) -> None:
    followed = follow()
    assert followed.summaries() == []
    run = new_run(task="t1")
    summary = eventually(followed.summaries)[0]
    assert (summary.state, summary.experiment, summary.host, summary.user) == ("running", "digits", "gpu1", "ada")
    assert summary.name == run.path.name
    assert summary.id in listener.changed
    assert followed.run_of_task("t1") == summary.id
    assert followed.run_of_task("t2") is None

    run.value("loss", 0.5, primary=True)
    run.writer.event("progress", value=0.25)
    grown = eventually(lambda: (now := followed.summary(summary.id)) and now.progress and now.primary and now)
    assert grown.revision > summary.revision
    assert (grown.progress, grown.primary.name, grown.primary.last) == (0.25, "loss", 0.5)

    run.end("failed", error="ValueError: no\nmore", traceback="Traceback ...")
    ended = eventually(lambda: (now := followed.summary(summary.id)) and now.state == "failed" and now)
    assert ended.error == "ValueError: no more"
    assert ended.finished is not None
    assert followed.detail(summary.id).traceback == "Traceback ..."


def test_newest_first(follow: Callable[..., Workspace], new_run: Callable[..., Any]) -> None:
    for created in (20.0, 10.0, 30.0):
        new_run(created=created)
    assert [run.created for run in follow().summaries()] == [30.0, 20.0, 10.0]


def test_ids_are_opaque_and_stay(follow: Callable[..., Workspace], new_run: Callable[..., Any]) -> None:
    run = new_run()
    first = follow().summaries()[0].id
    assert run.path.name not in first
    assert follow().summaries()[0].id == first


def test_a_deleted_run_goes(
    follow: Callable[..., Workspace], new_run: Callable[..., Any], eventually: Callable[..., Any], listener: Listener
) -> None:
    run = new_run()
    followed = follow()
    id = followed.summaries()[0].id
    listener.changed.clear()
    run.end()
    shutil.rmtree(run.path)
    eventually(lambda: followed.summaries() == [])
    assert id in listener.changed
    with pytest.raises(KeyError):
        followed.detail(id)


def test_a_finished_run_is_read_once_and_again_when_resumed(
    follow: Callable[..., Workspace],
    new_run: Callable[..., Any],
    eventually: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(poll, "SETTLE_SECONDS", 0.0)
    run = new_run()
    run.end()
    followed = follow()
    entry = next(iter(followed.store.entries.values()))
    eventually(lambda: entry.id in followed.store.quiet)
    assert entry.reader is None
    assert not followed.store.live
    polls: list[str] = []
    read = poll.Poller.poll
    monkeypatch.setattr(poll.Poller, "poll", lambda self, entry: polls.append(entry.id) or read(self, entry))
    looks: list[int] = []
    in_turn = followed.follower._in_turn
    monkeypatch.setattr(followed.follower, "_in_turn", lambda: looks.append(1) or in_turn())
    eventually(lambda: len(looks) > 5)
    assert polls == []

    writer = RecordWriter(RunFolder(run.path), lambda message, error: None)
    writer.event("status", state="running")
    eventually(lambda: followed.summaries()[0].state == "running")
    writer.close()


def test_only_the_named_experiments(follow: Callable[..., Workspace], new_run: Callable[..., Any]) -> None:
    new_run("digits")
    new_run("secret")
    assert [run.experiment for run in follow(["digits"]).summaries()] == ["digits"]


def test_a_workspace_that_vanishes_is_told_and_comes_back(
    follow: Callable[..., Workspace],
    new_run: Callable[..., Any],
    eventually: Callable[..., Any],
    workspace: Path,
    listener: Listener,
) -> None:
    new_run().end()
    followed = follow()
    away = workspace.with_name("away")
    workspace.rename(away)
    eventually(lambda: listener.availability == 1)
    assert not followed.available
    assert len(followed.summaries()) == 1  # what was known stays to be seen
    away.rename(workspace)
    eventually(lambda: listener.availability == 2)
    assert followed.available
    assert len(followed.summaries()) == 1


def test_links_pipes_and_rubbish_harm_nobody(
    follow: Callable[..., Workspace],
    new_run: Callable[..., Any],
    eventually: Callable[..., Any],
    workspace: Path,
    tmp_path: Path,
) -> None:
    outside = tmp_path / "outside" / "run"
    outside.mkdir(parents=True)
    (outside / "run.json").write_text('{"user": "canary"}')
    (workspace / "linked").symlink_to(tmp_path / "outside")
    (workspace / "loop").symlink_to("loop")
    (workspace / "file").write_text("x")
    os.mkfifo(workspace / "pipe")
    odd = workspace / "odd"
    for name, make in {
        "linked": lambda path: path.symlink_to(outside),
        "pipe": lambda path: (path.mkdir(), os.mkfifo(path / "run.json")),
        "folder": lambda path: (path / "run.json").mkdir(parents=True),
        "link": lambda path: (path.mkdir(), (path / "run.json").symlink_to(outside / "run.json")),
        "streams": lambda path: (path.mkdir(), (path / "run.json").write_text("{}"), os.mkfifo(path / "streams")),
        "list": lambda path: (path.mkdir(), (path / "run.json").write_text("[1]")),
        "deep": lambda path: (path.mkdir(), (path / "run.json").write_text("[" * 100_000)),
        "odd": lambda path: (path.mkdir(), (path / "run.json").write_text('{"host": 5, "user": {}, "task": [1]}')),
        "huge": lambda path: (path.mkdir(), (path / "run.json").write_text('{"created": 1' + "0" * 400 + "}")),
        "inf": lambda path: (path.mkdir(), (path / "run.json").write_text('{"created": 1e999}')),
        "half\udcff": lambda path: (path.mkdir(), (path / "run.json").write_text("{}")),
        "zero": lambda path: (path.mkdir(), (path / "run.json").symlink_to("/dev/zero")),
    }.items():
        odd.mkdir(exist_ok=True)
        make(odd / name)
    good = new_run("good")
    followed = follow()
    by_name = {run.name: run for run in followed.summaries()}
    assert good.path.name in by_name
    assert "canary" not in repr(by_name)
    assert {run.experiment for run in by_name.values()} <= {"good", "odd"}
    for name in ("pipe", "link", "list", "deep", "zero"):
        assert by_name[name].damaged, name
    for run in by_name.values():
        run.model_dump_json()
    good.value("loss", 1.0, primary=True)
    eventually(lambda: next(run for run in followed.summaries() if run.experiment == "good").primary)


@pytest.mark.parametrize("state", ["running", "finished"])
def test_flipped_and_cut_files_damage_one_run_only(
    follow: Callable[..., Workspace], new_run: Callable[..., Any], state: str
) -> None:
    for number in range(40):
        run = new_run("bad")
        run.value("loss", 1.0, primary=True)
        if state == "finished":
            run.end()
        else:
            run.writer.close()
        for file in (run.path / "streams").iterdir():
            data = bytearray(file.read_bytes())
            place = number * 7 % len(data)
            data[place] ^= 0xFF
            file.write_bytes(data if number % 2 else data[:place])
    new_run("good").end()
    summaries = follow().summaries()
    assert len(summaries) == 41
    assert next(run for run in summaries if run.experiment == "good").state == "finished"
    for run in summaries:
        run.model_dump_json()


def test_a_readers_own_mistake_is_that_runs_trouble(
    follow: Callable[..., Workspace],
    new_run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad = new_run("bad")
    new_run("good")
    poll = RunReader.poll

    def broken(self: RunReader) -> bool:
        if self.folder.path == bad.path:
            raise ZeroDivisionError
        return poll(self)

    monkeypatch.setattr(RunReader, "poll", broken)
    by_experiment = {run.experiment: run for run in follow().summaries()}
    assert by_experiment["bad"].damaged
    assert not by_experiment["good"].damaged
    assert "ZeroDivisionError" in caplog.text
