from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ailab_server import answers


def strict_json(answer: Any) -> Any:
    """The answer's JSON as a browser's parser takes it."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(answer.content.decode("utf-8"), parse_constant=refuse)


@pytest.fixture
def run(new_run: Callable[..., Any]) -> Any:
    return new_run(config={"lr": math.nan, "a": [math.inf, -math.inf, 1e308], "big": 2**63, "s": "\ud800"})


@pytest.fixture
def open_app(start_app: Callable[..., Any], eventually: Callable[..., Any]) -> Callable[..., tuple[Any, str]]:
    """Start the app on what was written so far; it and the id of the only run."""

    def start() -> tuple[Any, str]:
        app = start_app()
        return app, eventually(lambda: _runs(app))[0]["id"]

    return start


def _runs(app: Any) -> Any:
    return strict_json(app.client.get("/runs"))["runs"]


def test_a_run_with_numbers_that_are_none(run: Any, open_app: Callable[..., Any]) -> None:
    for value in (1.0, math.nan, math.inf):
        run.value("loss", value, primary=True)
    run.value("acc", -math.inf)
    app, id = open_app()
    summary = _runs(app)[0]
    assert summary["primary"]["last"] == "Infinity"
    assert summary["primary"]["values"] == [1.0, None, None]
    assert summary["primary"]["steps"] == [0, 1, 2]
    detail = strict_json(app.client.get(f"/runs/{id}"))
    assert detail["summary"] == summary
    assert detail["config"] == {"lr": "NaN", "a": ["Infinity", "-Infinity", 1e308], "big": 2**63, "s": "?"}
    assert detail["info"]["host"] == "gpu1"
    assert {metric["name"]: metric["last"] for metric in detail["metrics"]} == {"loss": "Infinity", "acc": "-Infinity"}
    assert [metric["primary"] for metric in detail["metrics"]] == [True, False]


def test_series(run: Any, open_app: Callable[..., Any]) -> None:
    for step in range(3000):
        run.value("a/b ü?", float(step % 100), step)
    run.value("nan", math.nan, 7)
    app, id = open_app()
    answer = app.client.get(f"/runs/{id}/series", params={"metric": ["a/b ü?", "nan"], "points": 50})
    assert answer.headers["content-type"] == "application/octet-stream"
    length = int.from_bytes(answer.content[:4], "little")
    first, second = json.loads(answer.content[4 : 4 + length])["series"]
    assert (first["metric"], first["total"], first["reduced"]) == ("a/b ü?", 3000, True)
    assert first["count"] <= 50
    assert second == {"metric": "nan", "count": 1, "total": 1, "reduced": False}
    numbers = np.frombuffer(answer.content, "<f8", offset=4 + length)
    assert numbers[2 * first["count"] : 3 * first["count"]].max() == 99.0
    assert numbers[-3] == 7.0
    assert math.isnan(numbers[-1])


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 422), ("metric=none", 404), ("metric=loss&points=3", 422), ("metric=loss&points=20001", 422),
     ("metric=loss&points=x", 422), ("metric=loss&metric=none", 404), ("metric=loss&points=4", 200),
     ("metric=%00", 404), ("metric=../../x", 404), ("&".join(["metric=loss"] * 101), 422)],
)  # fmt: skip
def test_series_that_cannot_be(run: Any, open_app: Callable[..., Any], query: str, status: int) -> None:
    run.value("loss", 1.0)
    app, id = open_app()
    answer = app.client.get(f"/runs/{id}/series?{query}")
    assert answer.status_code == status
    if status != 200:
        assert strict_json(answer)["detail"]


def test_images(run: Any, open_app: Callable[..., Any]) -> None:
    run.image("figure", step=1)
    run.image("figure", step=2)
    run.image("other", b"<svg onload=alert(1)>")
    app, id = open_app()
    figure, other = strict_json(app.client.get(f"/runs/{id}"))["images"]
    assert figure["name"] == "figure"
    assert [image["step"] for image in figure["history"]] == [1, 2]
    assert figure["latest"] == figure["history"][-1]
    answer = app.client.get(f"/runs/{id}/images/{figure['latest']['id']}")
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == (run.path / "images" / "figure.2.png").read_bytes()
    false = app.client.get(f"/runs/{id}/images/{other['latest']['id']}")
    assert false.headers["content-type"] == "application/octet-stream"
    assert false.headers["content-disposition"] == "attachment"
    assert false.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in false.headers["content-security-policy"]


def test_an_image_that_is_replaced_has_a_new_id(
    run: Any, open_app: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    run.image("figure", step=1)
    app, id = open_app()

    def images() -> Any:
        return strict_json(app.client.get(f"/runs/{id}"))["images"][0]["history"]

    (first,) = images()
    run.image("figure", step=1)
    (second,) = eventually(lambda: (now := images()) and now[-1]["time"] > first["time"] and now)
    assert second["id"] != first["id"]


@pytest.mark.parametrize(
    "file",
    ["../run.json", "../../../../secret", "/etc/passwd", "..", ".", "", "a\0b", "sub/a.png", "..\\run.json", "link.png",
     "pipe.png", "folder.png", "zero.png", "loop.png", "gone.png", "\ud800.png", "a" * 300],
)  # fmt: skip
def test_an_events_file_name_leads_nowhere_else(
    run: Any, open_app: Callable[..., Any], tmp_path: Path, workspace: Path, file: str
) -> None:
    (workspace.parent / "secret").write_text("canary")
    (run.path / "run.json").write_text('{"canary": "canary"}')
    images = run.path / "images"
    (images / "link.png").symlink_to(workspace.parent / "secret")
    (images / "loop.png").symlink_to("loop.png")
    (images / "zero.png").symlink_to("/dev/zero")
    os.mkfifo(images / "pipe.png")
    (images / "folder.png").mkdir()
    run.writer.event("image", name="bad", step=None, file=file)
    run.image("good")
    app, id = open_app()
    found = {image["name"]: image["latest"]["id"] for image in strict_json(app.client.get(f"/runs/{id}"))["images"]}
    assert app.client.get(f"/runs/{id}/images/{found['good']}").status_code == 200
    if "bad" in found:
        answer = app.client.get(f"/runs/{id}/images/{found['bad']}")
        assert answer.status_code == 404
        assert "canary" not in answer.text


def test_a_linked_images_folder_is_not_entered(run: Any, open_app: Callable[..., Any], tmp_path: Path) -> None:
    run.image("figure")
    (run.path / "images").rename(tmp_path / "elsewhere")
    (run.path / "images").symlink_to(tmp_path / "elsewhere")
    app, id = open_app()
    image = strict_json(app.client.get(f"/runs/{id}"))["images"][0]["latest"]["id"]
    assert app.client.get(f"/runs/{id}/images/{image}").status_code == 404


def test_an_image_of_gigabytes_is_not_read(run: Any, open_app: Callable[..., Any]) -> None:
    run.image("huge")
    with (run.path / "images" / "huge.png").open("r+b") as file:
        file.truncate(10 * 2**30)
    app, id = open_app()
    image = strict_json(app.client.get(f"/runs/{id}"))["images"][0]["latest"]["id"]
    assert app.client.get(f"/runs/{id}/images/{image}").status_code == 413


KINDS = ("text", "table", "histogram", "file")
TRAVERSALS = [
    "..", "../..", "..%2f..%2fsecret", "%2e%2e", "%252e%252e%252f", "..\\..", "..;/", "%00", "x%00.png",
    "%2fetc%2fpasswd",
    "....//", "%c0%ae%c0%ae", "\u2025", "\uff0e\uff0e", "a" * 301, "digits", "~", "*", "%0d%0aSet-Cookie:x",
]  # fmt: skip


@pytest.mark.parametrize("odd", TRAVERSALS)
def test_ids_are_looked_up_and_never_paths(run: Any, open_app: Callable[..., Any], workspace: Path, odd: str) -> None:
    (workspace.parent / "secret").write_text("canary")
    app, id = open_app()
    for path in (
        f"/runs/{odd}", f"/runs/{odd}/series?metric=x", f"/runs/{odd}/images/x", f"/runs/{id}/images/{odd}",
        f"/runs/{odd}/log", f"/runs/{odd}/code", f"/runs/{id}/code/{odd}", f"/runs/{odd}/code.zip",
        f"/diff?run={odd}&run={odd}",
        f"/diff/code?a={id}&b={odd}", f"/export?run={odd}", *(f"/runs/{odd}/{kind}s" for kind in KINDS),
        *(f"/runs/{id}/{kind}s/{odd}" for kind in KINDS if kind != "histogram"),
        f"/tasks/{odd}",
    ):  # fmt: skip
        status, headers, body = app.client.raw("GET", f"/api/v1{path}")
        assert status in (404, 405, 422), path
        assert b"canary" not in body
        assert b"set-cookie" not in headers


def test_an_experiments_path_is_no_id(run: Any, open_app: Callable[..., Any]) -> None:
    app, _ = open_app()
    assert app.client.get(f"/runs/digits%2f{run.path.name}").status_code == 404
    assert app.client.get(f"/runs/{run.path.name}").status_code == 404


def test_log(run: Any, open_app: Callable[..., Any]) -> None:
    app, id = open_app()

    def log(query: str = "") -> tuple[str, int]:
        found = strict_json(app.client.get(f"/runs/{id}/log{query}"))
        assert found["next"] == found["size"]
        return found["text"], found["size"]

    assert log() == ("", 0)
    (run.path / "output.log").write_bytes(b"0123\x1b[31m\xff end")
    assert log() == ("0123\x1b[31m\ufffd end", 14)
    assert log("?tail=4") == (" end", 14)
    for tail in ("0", "-1", str(2**20 + 1), "x"):
        assert app.client.get(f"/runs/{id}/log?tail={tail}").status_code == 422


def test_a_log_in_a_workspace_that_is_away_is_not_empty(
    run: Any, open_app: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    app, id = open_app()
    workspace = run.path.parents[1]
    workspace.rename(workspace.with_name("away"))
    answer = eventually(lambda: (a := app.client.get(f"/runs/{id}/log")).status_code == 503 and a)
    assert answer.headers["Retry-After"] == "1"
    workspace.with_name("away").rename(workspace)
    eventually(lambda: app.client.get(f"/runs/{id}/log").status_code == 200)


def test_a_linked_log_is_not_read(run: Any, open_app: Callable[..., Any]) -> None:
    (run.path / "output.log").symlink_to("/etc/passwd")
    app, id = open_app()
    assert app.client.get(f"/runs/{id}/log").json()["text"] == ""


def parts(answer: Any) -> dict[tuple[str, str], tuple[dict[str, Any], Any]]:
    assert answer.status_code == 200, answer.text
    length = int.from_bytes(answer.content[:4], "little")
    offset, found = 4 + length, {}
    for entry in json.loads(answer.content[4:offset])["series"]:
        count = entry["count"]
        found[entry["run"], entry["metric"]] = (
            entry,
            np.frombuffer(answer.content, "<f8", 2 * count, offset).reshape(2, count),
        )
        offset += 16 * count
    assert offset == len(answer.content)
    return found


def test_series_of_many_runs(
    new_run: Callable[..., Any], start_app: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    for number in range(3):
        run = new_run(user=f"u{number}")
        for step in range(500):
            run.value("loss", float(step % 50 + number), step)
        if number == 1:
            run.value("acc", math.nan, 3)
    app = start_app()
    eventually(lambda: len(_runs(app)) == 3)
    ids = {run["user"]: run["id"] for run in _runs(app)}
    question = {"runs": [*ids.values(), "none"], "metrics": ["loss", "acc", "none"], "points": 20}
    found = parts(app.client.post("/series", json=question))
    assert set(found) == {*((id, "loss") for id in ids.values()), (ids["u1"], "acc")}
    for number in range(3):
        entry, (steps, values) = found[ids[f"u{number}"], "loss"]
        assert entry["total"] == 500
        assert entry["reduced"]
        assert entry["count"] == len(steps) <= 20
        assert (steps[0], steps[-1]) == (0.0, 499.0)
        assert (values.min(), values.max()) == (float(number), 49.0 + number)
    zoomed = parts(app.client.post("/series", json={**question, "low": 100, "high": 110.5}))
    entry, (steps, _) = zoomed[ids["u0"], "loss"]
    assert steps.tolist() == list(range(99, 112))
    assert not entry["reduced"]
    relative = parts(app.client.post("/series", json={**question, "x": "relative"}))
    assert relative[ids["u0"], "loss"][1][0][0] == 0.0
    assert 0.0 < relative[ids["u1"], "acc"][1][0][0] < 60.0


@pytest.mark.parametrize(
    ("change", "status"),
    [({"runs": []}, 422), ({"runs": ["a"] * 1001}, 422), ({"metrics": []}, 422), ({"points": 3}, 422),
     ({"points": 20_001}, 422), ({"x": "wall"}, 422), ({"low": "NaN"}, 422), ({"from": 1}, 422), ({}, 200),
     ({"runs": ["../.."], "metrics": ["\0"]}, 200), ({"low": 5, "high": 1}, 200)],
)  # fmt: skip
def test_questions_for_series_that_cannot_be(
    run: Any, open_app: Callable[..., Any], change: dict[str, Any], status: int
) -> None:
    run.value("loss", 1.0)
    app, id = open_app()
    answer = app.client.post("/series", json={"runs": [id], "metrics": ["loss"], **change})
    assert answer.status_code == status
    assert app.stranger.post("/series", json={"runs": [id], "metrics": ["loss"]}).status_code == 401


def test_a_question_for_everything_is_answered_with_less(
    new_run: Callable[..., Any], start_app: Callable[..., Any], eventually: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """What one answer may hold is shared by the series that were asked for."""
    monkeypatch.setattr(answers, "_MOST_POINTS", 60)
    for _ in range(3):
        run = new_run()
        for number in range(100):
            run.value("loss", float(number % 7))
    app = start_app()
    eventually(lambda: len(_runs(app)) == 3)
    ids = [run["id"] for run in _runs(app)]
    eventually(lambda: all(app.client.get(f"/runs/{id}").json()["metrics"][0]["count"] == 100 for id in ids))

    def series(runs: list[str]) -> Any:
        body = app.client.post("/series", json={"runs": runs, "metrics": ["loss"], "points": 20_000}).content
        return json.loads(body[4 : 4 + int.from_bytes(body[:4], "little")])["series"]

    assert [one["count"] <= 20 and one["reduced"] for one in series(ids)] == [True] * 3
    assert 20 < series(ids[:1])[0]["count"] <= 60
