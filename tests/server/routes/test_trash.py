from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ailab.experiment.trash import trashed


@pytest.fixture
def ended(
    start_app: Callable[..., Any], new_run: Callable[..., Any], eventually: Callable[..., Any]
) -> Iterator[tuple[Any, list[Any], list[str]]]:
    """An app, three runs that have ended, and their ids in the same order."""
    runs = [new_run(experiment) for experiment in ("digits", "digits", "other")]
    for run in runs:
        run.end()
    app = start_app()

    def listed() -> list[Any]:
        found = app.client.get("/runs").json()["runs"]
        return found if [run["state"] for run in found] == ["finished"] * 3 else []

    by_name = {run["name"]: run["id"] for run in eventually(listed)}
    yield app, runs, [by_name[run.path.name] for run in runs]


def ids(app: Any) -> set[str]:
    return {run["id"] for run in app.client.get("/runs").json()["runs"]}


def test_there_and_back(ended: Any, workspace: Path) -> None:
    app, runs, (a, b, c) = ended
    answer = app.client.post("/trash", json={"runs": [a, c, a]})
    assert answer.status_code == 200
    assert {run["id"] for run in answer.json()["runs"]} == {a, c}
    assert ids(app) == {b}  # at once
    assert not runs[0].path.exists()
    listed = app.client.get("/trash").json()["runs"]
    assert {(run["id"], run["experiment"], run["name"], run["user"]) for run in listed} == {
        (a, "digits", runs[0].path.name, "ada"),
        (c, "other", runs[2].path.name, "ada"),
    }
    assert app.client.post("/trash/restore", json={"runs": [c]}).json()["runs"][0]["id"] == c
    assert ids(app) == {b, c}
    assert [run["id"] for run in app.client.get("/trash").json()["runs"]] == [a]
    assert not (runs[2].path / "trash.json").exists()
    # Again, with another date, although the place is the same as before.
    first = listed[0]["time"]
    again = app.client.post("/trash", json={"runs": [c]}).json()["runs"][0]
    assert (again["id"], again["time"] > first) == (c, True)
    assert len(trashed(workspace)) == 2


def test_a_workspace_that_is_away_has_no_empty_trash(ended: Any, workspace: Path) -> None:
    app, _, (a, *_) = ended
    app.client.post("/trash", json={"runs": [a]})
    workspace.rename(workspace.with_name("away"))
    assert app.client.get("/trash").status_code == 503
    assert app.client.post("/trash/restore", json={"runs": [a]}).status_code == 503
    workspace.with_name("away").rename(workspace)
    assert [run["id"] for run in app.client.get("/trash").json()["runs"]] == [a]


def test_a_browser_hears_of_it_at_once(ended: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    app, _, (a, *_) = ended
    told: list[list[str]] = []
    monkeypatch.setattr(app.services.hub, "publish_runs", lambda ids, revision=0: told.append(list(ids)))
    app.client.post("/trash", json={"runs": [a]})
    assert told == [[a]]
    app.client.post("/trash/restore", json={"runs": [a]})
    assert told == [[a]] * len(told) and len(told) >= 2


def test_a_running_run_stays_and_takes_the_others_with_it(
    ended: Any, new_run: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    app, _, (a, *_) = ended
    live = new_run("live")
    live.value("loss", 1.0)
    id = eventually(lambda: [r for r in app.client.get("/runs").json()["runs"] if r["experiment"] == "live"])[0]["id"]
    answer = app.client.post("/trash", json={"runs": [a, id]})
    assert answer.status_code == 409
    assert "is running: stop its program first" in answer.json()["detail"]
    assert live.path.name in answer.json()["detail"]
    assert len(ids(app)) == 4
    live.end()
    eventually(lambda: app.client.post("/trash", json={"runs": [id]}).status_code == 200)


def test_a_run_that_was_resumed_a_moment_ago_is_running(ended: Any, eventually: Callable[..., Any]) -> None:
    app, runs, (a, *_) = ended
    line = json.dumps({"type": "status", "time": 4e9, "state": "running"})
    (runs[0].path / "streams" / "again.jsonl").write_text(line + "\n")
    assert app.client.post("/trash", json={"runs": [a]}).status_code == 409
    assert runs[0].path.is_dir()


def test_an_unknown_run_leaves_all_where_they_are(ended: Any) -> None:
    app, _, (a, *_) = ended
    for path, known in (("/trash", a), ("/trash/restore", a)):
        answer = app.client.post(path, json={"runs": [known, "../x"]})
        assert answer.status_code == 404
        assert "nothing was moved" in answer.json()["detail"]
    assert len(ids(app)) == 3


def test_nothing_is_overwritten(ended: Any) -> None:
    app, runs, (a, *_) = ended
    app.client.post("/trash", json={"runs": [a]})
    runs[0].path.mkdir()
    answer = app.client.post("/trash/restore", json={"runs": [a]})
    assert (answer.status_code, "of this name again" in answer.json()["detail"]) == (409, True)
    (runs[0].path / "run.json").write_text("{}")
    (runs[0].path / "streams").mkdir()
    line = json.dumps({"type": "status", "time": 1e9, "state": "finished"})
    (runs[0].path / "streams" / "x.jsonl").write_text(line + "\n")
    app.services.workspace.look_again(listing=True).wait(5)
    answer = app.client.post("/trash", json={"runs": [a]})
    assert (answer.status_code, "holds a run of this name already" in answer.json()["detail"]) == (409, True)


def test_a_trash_that_is_a_link_takes_nothing_and_shows_nothing(ended: Any, workspace: Path, tmp_path: Path) -> None:
    app, runs, (a, *_) = ended
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "digits" / "r").mkdir(parents=True)
    (elsewhere / "digits" / "r" / "run.json").write_text("{}")
    (workspace / ".trash").symlink_to(elsewhere)
    assert app.client.post("/trash", json={"runs": [a]}).status_code == 503
    assert runs[0].path.is_dir()
    assert app.client.get("/trash").json() == {"runs": []}


def test_of_experiments_that_are_not_shown_the_trash_shows_none(
    ended: Any, start_app: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    app, _, (a, _, c) = ended
    app.client.post("/trash", json={"runs": [a, c]})
    other = start_app(auto_detect_experiments=False, experiments=["other"])
    assert [run["id"] for run in other.client.get("/trash").json()["runs"]] == [c]
    assert other.client.post("/trash/restore", json={"runs": [a]}).status_code == 404


def test_what_a_share_refuses_half_way_is_told(ended: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from ailab_server.manage import trash as module

    app, _, (a, b, _) = ended
    moved: list[str] = []
    real = module.trash

    def refusing(root: Path, run: Any, **options: Any) -> Any:
        if moved:
            raise PermissionError(13, "Permission denied", str(root))
        moved.append(run.id)
        return real(root, run, **options)

    monkeypatch.setattr(module, "trash", refusing)
    answer = app.client.post("/trash", json={"runs": [a, b]})
    assert answer.status_code == 409
    assert answer.json()["detail"] == "1 of 2 were moved; then: Permission denied"
    monkeypatch.setattr(module, "trash", lambda *_, **__: (_ for _ in ()).throw(OSError(30, "Read-only file system")))
    answer = app.client.post("/trash", json={"runs": [b]})
    assert (answer.status_code, "Read-only file system" in answer.json()["detail"]) == (503, True)
