"""A stream that goes on where another ended, or sees only some runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def first(
    new_run: Callable[..., Any], start_app: Callable[..., Any], eventually: Callable[..., Any]
) -> tuple[Any, list[Any], Callable[..., dict[str, Any]]]:
    """An app with three runs, and the first line of a stream."""
    runs = [new_run(user=f"u{number}") for number in range(3)]
    app = start_app()
    eventually(lambda: len(app.services.workspace.rows()) == 3)

    def line(only: frozenset[str] | None = None, since: int | None = None) -> dict[str, Any]:
        data = b"".join(app.services.snapshot("ada", only, since))
        assert data.endswith(b"\n")
        return json.loads(data)  # type: ignore[no-any-return]

    return app, runs, line


def test_nothing_new(first: Any) -> None:
    _, _, line = first
    whole = line()
    assert (whole["type"], len(whole["runs"])) == ("snapshot", 3)
    again = line(since=whole["revision"])
    assert (again["type"], again["runs"], again["removed"]) == ("changes", [], [])
    assert again["tasks"] == whole["tasks"]
    assert again["system"] == whole["system"]


def test_what_changed_appeared_and_went(
    first: Any, new_run: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    _, runs, line = first
    whole = line()
    ids = {run["user"]: run["id"] for run in whole["runs"]}
    runs[0].value("loss", 1.0, primary=True)
    runs[1].end()
    shutil.rmtree(runs[1].path)
    new_run(user="new")

    def changes() -> Any:
        found = line(since=whole["revision"])
        return {run["user"] for run in found["runs"]} == {"u0", "new"} and found["removed"] and found

    found = eventually(changes)
    assert found["removed"] == [ids["u1"]]
    assert next(run for run in found["runs"] if run["user"] == "u0")["primary"]["last"] == 1.0
    assert line(since=found["revision"])["runs"] == []


@pytest.mark.parametrize("since", [0, 2**62])
def test_a_revision_that_says_nothing_gets_everything(first: Any, since: int) -> None:
    _, _, line = first
    assert (line(since=since)["type"], len(line(since=since)["runs"])) == ("snapshot", 3)


def test_too_many_went_to_remember(first: Any, eventually: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    app, runs, line = first
    monkeypatch.setattr("ailab_server.workspace.store._MOST_GONE", 1)
    before = line()["revision"]
    for run in runs[:2]:
        run.end()
        shutil.rmtree(run.path)
    eventually(lambda: len(app.services.workspace.rows()) == 1)
    assert line(since=before)["type"] == "snapshot"


def test_only_some_runs(first: Any) -> None:
    _, _, line = first
    id = line()["runs"][1]["id"]
    assert [run["id"] for run in line(only=frozenset({id, "none"}))["runs"]] == [id]


def test_over_http(
    new_run: Callable[..., Any], start_server: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    for _ in range(2):
        new_run()
    client = start_server().log_in()
    eventually(lambda: len(client.get("/runs").json()["runs"]) == 2)

    def begin(**query: Any) -> Any:
        with client.stream("GET", "/stream", params=query) as answer:
            assert answer.status_code == 200
            return json.loads(next(answer.iter_lines()))

    whole = begin()
    id = whole["runs"][0]["id"]
    assert [run["id"] for run in begin(run=id)["runs"]] == [id]
    assert begin(since=whole["revision"])["type"] == "changes"
    assert client.get("/stream", params={"since": -1}).status_code == 422
    assert client.get("/stream", params={"since": "x"}).status_code == 422
