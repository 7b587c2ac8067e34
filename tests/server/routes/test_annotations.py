from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ailab.experiment import Run


@pytest.fixture
def shown(
    start_app: Callable[..., Any], new_run: Callable[..., Any], eventually: Callable[..., Any]
) -> Callable[..., tuple[Any, Any, str]]:
    """An app, a run, and its id."""

    def make(**keys: Any) -> tuple[Any, Any, str]:
        run = new_run()
        run.value("loss", 1.0)
        app = start_app(**keys)
        return app, run, eventually(lambda: app.client.get("/runs").json()["runs"])[0]["id"]

    return make


@pytest.mark.parametrize("over", [False, True])
def test_tags_and_notes_of_a_run_that_runs_or_is_over(shown: Any, over: bool, eventually: Callable[..., Any]) -> None:
    app, run, id = shown()
    if over:
        run.end()
        eventually(lambda: app.client.get(f"/runs/{id}").json()["summary"]["state"] == "finished")
    answer = app.client.post(f"/runs/{id}/tags", json={"add": ["paper", "good one"]})
    assert (answer.status_code, answer.json()) == (200, {"tags": ["paper", "good one"], "notes": ""})
    assert app.client.post(f"/runs/{id}/tags", json={"add": ["x", "paper"], "remove": ["good one"]}).json()["tags"] == [
        "paper",
        "x",
    ]
    assert app.client.post(f"/runs/{id}/tags", json={"tags": ["new"]}).json()["tags"] == ["new"]
    notes = app.client.post(f"/runs/{id}/notes", json={"text": "a\nb ü \x1b"}).json()
    assert notes == {"tags": ["new"], "notes": "a\nb ü \x1b"}
    read = Run(run.path)
    assert (read.tags, read.notes) == (["new"], "a\nb ü \x1b")
    assert read.state == ("finished" if over else "running")
    assert app.client.post(f"/runs/{id}/notes", json={"text": ""}).json()["notes"] == ""


def test_a_change_is_told_at_once_also_of_a_run_that_nobody_follows_any_more(
    shown: Any, eventually: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, run, id = shown()
    run.end()
    workspace = app.services.workspace
    eventually(lambda: app.client.get(f"/runs/{id}").json()["summary"]["state"] == "finished")
    told: list[list[str]] = []
    monkeypatch.setattr(app.services.hub, "publish_runs", lambda ids, revision=0: told.append(list(ids)))
    before = json.loads(workspace.row(id))["revision"]
    assert app.client.post(f"/runs/{id}/tags", json={"add": ["x"]}).status_code == 200
    assert [id] in told
    assert json.loads(workspace.row(id))["revision"] > before


def test_two_who_tag_at_once_lose_nothing_of_each_other(shown: Any) -> None:
    app, run, id = shown()
    answers: list[int] = []

    def tag(name: str) -> None:
        answers.append(app.client.post(f"/runs/{id}/tags", json={"add": [name]}).status_code)

    threads = [threading.Thread(target=tag, args=(f"t{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 8
    assert sorted(Run(run.path).tags) == [f"t{n}" for n in range(8)]


def test_a_clock_that_is_ahead_does_not_keep_its_tags(shown: Any, eventually: Callable[..., Any]) -> None:
    app, run, id = shown()
    line = json.dumps({"type": "tags", "time": 4e9, "tags": ["old"]})
    (run.path / "streams" / "other.jsonl").write_text(line + "\n")
    assert app.client.post(f"/runs/{id}/tags", json={"add": ["new"], "remove": ["old"]}).json()["tags"] == ["new"]
    assert Run(run.path).tags == ["new"]


@pytest.mark.parametrize("tag", ["a,b", " a", "a\n", "\x1b[2J", "\u202e"])
def test_what_is_no_tag_is_refused(shown: Any, tag: str) -> None:
    app, run, id = shown()
    answer = app.client.post(
        f"/runs/{id}/tags", content=json.dumps({"add": [tag]}), headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, "a tag must be 1 to 100 printable" in answer.text) == (422, True)
    assert Run(run.path).tags == []


@pytest.mark.parametrize(
    "body", [{"add": [""]}, {"add": ["x" * 101]}, {"add": "x"}, {"add": [1]}, {"add": ["x"] * 101}]
)
def test_malformed_changes_are_refused(shown: Any, body: Any) -> None:
    app, _, id = shown()
    assert app.client.post(f"/runs/{id}/tags", json=body).status_code == 422
    assert app.client.post(f"/runs/{id}/notes", json={"text": "x" * 100_001}).status_code == 422


def test_unknown_runs(app: Any) -> None:
    for path, body in (("tags", {"add": ["x"]}), ("notes", {"text": "x"})):
        assert app.client.post(f"/runs/nothing/{path}", json=body).status_code == 404


def test_nothing_is_written_through_a_link(shown: Any, tmp_path: Any) -> None:
    app, run, id = shown()
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "streams").mkdir(parents=True)
    (elsewhere / "run.json").write_text("{}")
    (run.path / "streams").rename(tmp_path / "moved")
    (run.path / "streams").symlink_to(elsewhere / "streams")
    assert app.client.post(f"/runs/{id}/tags", json={"add": ["x"]}).status_code == 503
    hidden = run.path.with_name("hidden")
    run.path.rename(hidden)
    run.path.symlink_to(elsewhere)
    answer = app.client.post(f"/runs/{id}/notes", json={"text": "x"})
    assert (answer.status_code, str(tmp_path) in answer.text) == (503, False)
    assert list((elsewhere / "streams").iterdir()) == []
    run.path.unlink()
    hidden.rename(run.path)
    (run.path / "streams").unlink()
    (tmp_path / "moved").rename(run.path / "streams")
