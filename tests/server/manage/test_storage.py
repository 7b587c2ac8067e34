from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ailab_server.manage import storage
from ailab_server.manage.storage import StorageWatch, sizes


def du(folder: Path) -> int:
    """What du says, without the folder itself."""
    lines = subprocess.run(["du", "-B1", "-s", str(folder)], capture_output=True, text=True, check=True).stdout
    return int(lines.split()[0]) - folder.stat().st_blocks * 512


def test_sizes_are_those_of_du_and_links_are_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / "a").write_bytes(b"x" * 100_000)
    (folder / "deep" / "deeper" / "b").write_bytes(b"x" * 5_000)
    with (folder / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    (folder / "elsewhere").symlink_to("/")
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    found = list(sizes(str(folder)))
    assert len(found) == 8
    assert 105_000 <= sum(found) == du(folder) < 1 << 30
    assert list(sizes(str(tmp_path / "nothing"))) == []


@pytest.fixture
def watch(
    start_app: Callable[..., Any], new_run: Callable[..., Any], tmp_path: Path
) -> Callable[[], tuple[Any, StorageWatch]]:
    def make() -> tuple[Any, StorageWatch]:
        app = start_app()
        assert app.services.workspace.wait_until_read(10)
        app.services.storage = StorageWatch(app.services.workspace, tmp_path / "cache", pause=lambda *_: 0.0)
        return app, app.services.storage

    return make


def test_runs_are_measured_once_and_again_when_they_have_ended(
    watch: Any, new_run: Callable[..., Any], eventually: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    over, live = new_run(user="ada"), new_run(user="bob")
    (live.path / "checkpoints" / "model").write_bytes(b"x" * 300_000)
    over.end()
    app, storage_watch = watch()
    measured: list[str] = []
    monkeypatch.setattr(storage, "sizes", lambda folder: measured.append(Path(folder).name) or sizes(folder))
    storage_watch._round()
    assert sorted(measured) == sorted([over.path.name, live.path.name, ".trash", ".ailab"])
    found = {one.user: one for one in storage_watch.runs().values()}
    assert found["bob"].bytes == du(live.path) >= 300_000
    assert (found["ada"].over, found["bob"].over, storage_watch.complete) == (True, False, True)
    measured.clear()
    storage_watch._round()
    assert measured == []
    live.end()
    eventually(lambda: all(run.state == "finished" for run in app.services.workspace.summaries()))
    storage_watch._round()
    assert measured == [live.path.name]


def test_a_new_run_makes_it_incomplete_until_it_is_measured(
    watch: Any, new_run: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    new_run().end()
    app, storage_watch = watch()
    storage_watch._round()
    assert app.client.get("/storage").json()["complete"]
    new_run().end()
    found = eventually(lambda: (told := app.client.get("/storage").json())["runs"] == 2 and told)
    assert (found["measured"], found["complete"]) == (1, False)
    storage_watch._round()
    found = app.client.get("/storage").json()
    assert (found["measured"], found["complete"]) == (2, True)


def test_the_numbers_are_kept_for_the_next_start(
    watch: Any, new_run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    new_run().end()
    app, first = watch()
    first._round()
    monkeypatch.setattr(storage, "sizes", lambda folder: pytest.fail(f"{folder} was measured again"))
    second = StorageWatch(app.services.workspace, tmp_path / "cache", pause=lambda *_: 0.0)
    second._load()
    second._shared = dict(first.shared())
    second._round()
    assert second.runs() == first.runs() != {}
    (file,) = (tmp_path / "cache").glob("storage-*")
    for damage in (b"", b"[1]", b'{"x": 1}', b'{"x": {"bytes": 1}}', b"\xff"):
        file.write_bytes(damage)
        third = StorageWatch(app.services.workspace, tmp_path / "cache")
        third._load()
        assert third.runs() == {}


def test_a_run_that_went_is_forgotten_and_one_that_cannot_be_read_is_no_zero(
    watch: Any, new_run: Callable[..., Any], eventually: Callable[..., Any], workspace: Path
) -> None:
    run = new_run()
    run.end()
    app, storage_watch = watch()
    storage_watch._round()
    hidden = workspace.parent / "hidden"
    run.path.rename(hidden)
    storage_watch._measured.clear()
    storage_watch._round()
    assert storage_watch.runs() == {}
    hidden.rename(run.path)
    app.services.workspace.look_again(listing=True).wait(5)
    eventually(lambda: app.services.workspace.places())
    storage_watch._round()
    assert len(storage_watch.runs()) == 1


def test_it_rests_in_proportion_to_what_it_took(watch: Any, new_run: Callable[..., Any]) -> None:
    run = new_run()
    for number in range(450):
        (run.path / "checkpoints" / f"{number}").touch()
    app, _ = watch()
    asked: list[tuple[float, float]] = []

    def pause(processor: float, wall: float) -> float:
        asked.append((processor, wall))
        return 0.0

    StorageWatch(app.services.workspace, None, pause=pause)._measure(str(run.path), "", True)
    assert len(asked) == 3
    assert all(processor >= 0 and wall > 0 for processor, wall in asked)


def test_the_thread_measures_by_itself(
    start_app: Callable[..., Any], new_run: Callable[..., Any], eventually: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    new_run(user="ada")
    new_run(experiment="other", user="bob")
    monkeypatch.setattr(storage, "_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(StorageWatch.__init__, "__defaults__", (0.0, lambda processor, wall: 0.0))
    app = start_app()
    found = eventually(lambda: (told := app.client.get("/storage").json())["measured"] == 2 and told)
    assert (found["runs"], [one["user"] for one in found["users"]]) == (2, ["ada", "bob"])
    assert {one["experiment"] for one in found["experiments"]} == {"digits", "other"}
    assert found["bytes"] == sum(one["bytes"] for one in found["users"]) > 0
    page = app.client.get("/storage/runs?limit=1").json()
    assert (page["total"], len(page["runs"])) == (2, 1)
    (other,) = app.client.get("/storage/runs?experiment=other").json()["runs"]
    assert (other["user"], other["files"] > 3) == ("bob", True)
    assert app.client.get("/storage/runs?user=nobody").json() == {"runs": [], "total": 0}
    assert app.client.get("/storage/runs?offset=2").json()["runs"] == []
