"""Texts, tables, histograms, files and captions."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import answer


@pytest.fixture
def run(logged: Callable[..., Any], tmp_path: Path) -> Any:
    """A run with some of each, and the folder it lies in."""
    (tmp_path / "model.bin").write_bytes(os.urandom(700_000))
    (tmp_path / "page.html").write_text("<script>alert(1)</script>")
    with logged() as run:
        for step in range(3):
            run.log_text("say/it", f"step {step} <b>&\u2028", step=step)
            run.log_histogram("weights", np.array([step, math.nan, 1.0]), bins=4, step=step)
        run.log_text("long", "ü" * 20_000)
        run.log_text("say/it", "again", step=2)
        run.log_table("scores", [[1, 'a,"b\n'], [2.5, math.nan], ["x", ""]], columns=["n", "=cmd()"], step=7)
        run.log_histogram("other", np.arange(100), bins=2)
        run.log_file(tmp_path / "model.bin", "a'b é;.bin", step=4)
        run.log_file(tmp_path / "page.html")
        run.log_image("figure", np.zeros((4, 4, 3), np.uint8), caption="<i>a caption</i>")
    return run


def test_texts(run: Any, opened: Any) -> None:
    app, ids = opened()
    id = ids[run.folder.path.name]
    texts = answer(app, f"/runs/{id}/texts")["texts"]
    assert [(one["name"], one["step"], one["text"]) for one in texts if one["name"] == "say/it"] == [
        ("say/it", 0, "step 0 <b>&\u2028"), ("say/it", 1, "step 1 <b>&\u2028"), ("say/it", 2, "again"),
    ]  # fmt: skip
    (long,) = answer(app, f"/runs/{id}/texts", name="long")["texts"]
    assert (long["text"], long["characters"]) == ("ü" * 200, 20_000)
    whole = answer(app, f"/runs/{id}/texts/{long['id']}")
    assert whole == {key: long[key] for key in ("id", "name", "step", "time")} | {"text": "ü" * 20_000}
    assert answer(app, f"/runs/{id}/texts/{texts[0]['id']}")["text"] == texts[0]["text"]
    assert answer(app, f"/runs/{id}/texts", name="none")["texts"] == []


def test_tables(run: Any, opened: Any) -> None:
    app, ids = opened()
    id = ids[run.folder.path.name]
    (table,) = answer(app, f"/runs/{id}/tables")["tables"]
    assert (table["name"], table["step"], table["columns"], table["rows"]) == ("scores", 7, ["n", "=cmd()"], 3)
    page = answer(app, f"/runs/{id}/tables/{table['id']}")
    assert page == {
        "id": table["id"], "columns": ["n", "=cmd()"], "offset": 0, "total": 3,
        "rows": [["1", 'a,"b\n'], ["2.5", "nan"], ["x", ""]],
    }  # fmt: skip
    part = answer(app, f"/runs/{id}/tables/{table['id']}", offset=1, limit=1)
    assert (part["rows"], part["offset"], part["total"]) == ([["2.5", "nan"]], 1, 3)
    assert answer(app, f"/runs/{id}/tables/{table['id']}", offset=9)["rows"] == []
    answer(app, f"/runs/{id}/tables/{table['id']}", 422, limit=10_001)
    saved = app.client.get(f"/runs/{id}/tables/{table['id']}/csv")
    assert saved.headers["content-type"] == "text/csv; charset=utf-8"
    assert saved.headers["content-disposition"].startswith('attachment; filename="scores.csv"')
    assert list(csv.reader(io.StringIO(saved.text)))[1] == ["1", 'a,"b\n']


def test_histograms(run: Any, opened: Any) -> None:
    app, ids = opened()
    path = f"/runs/{ids[run.folder.path.name]}/histograms"
    names = [{"name": "weights", "count": 3}, {"name": "other", "count": 1}]
    assert answer(app, path) == {"names": names, "histograms": []}
    found = answer(app, path, name="weights")["histograms"]
    assert [(one["step"], sum(one["counts"]), one["nonfinite"], len(one["edges"])) for one in found] == [
        (0, 2, 1, 5), (1, 2, 1, 5), (2, 2, 1, 5),
    ]  # fmt: skip
    assert [one["step"] for one in answer(app, path, name="weights", most=2)["histograms"]] == [0, 2]
    assert [one["step"] for one in answer(app, path, name="weights", most=1)["histograms"]] == [2]


def test_files_are_downloads_that_no_browser_shows(run: Any, opened: Any, tmp_path: Path) -> None:
    app, ids = opened()
    path = f"/runs/{ids[run.folder.path.name]}/files"
    model, page = answer(app, path)["files"]
    assert (model["name"], model["step"], model["size"]) == ("a'b é;.bin", 4, 700_000)
    got = app.client.get(f"{path}/{model['id']}")
    assert got.content == (tmp_path / "model.bin").read_bytes()
    assert got.headers["content-length"] == "700000"
    expected = "attachment; filename=\"a_b __.bin\"; filename*=UTF-8''a%27b%20%C3%A9%3B.bin"
    assert got.headers["content-disposition"] == expected
    for file in (model, page):
        headers = app.client.get(f"{path}/{file['id']}").headers
        assert headers["content-type"] == "application/octet-stream"
        assert headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in headers["content-security-policy"]
        assert headers["content-disposition"].startswith("attachment")


def test_captions(run: Any, opened: Any) -> None:
    app, ids = opened()
    (image,) = answer(app, f"/runs/{ids[run.folder.path.name]}")["images"]
    assert image["latest"]["caption"] == "<i>a caption</i>"


@pytest.mark.parametrize(("kind", "folder"), [("text", "texts"), ("table", "tables"), ("file", "files")])
def test_an_events_file_leads_nowhere_else(
    new_run: Callable[..., Any], opened: Any, workspace: Path, kind: str, folder: str
) -> None:
    (workspace.parent / "secret").write_text("canary,canary")
    run = new_run()
    place = run.path / folder
    place.mkdir()
    (place / "link").symlink_to(workspace.parent / "secret")
    (place / "loop").symlink_to("loop")
    (place / "zero").symlink_to("/dev/zero")
    (place / "folder").mkdir()
    os.mkfifo(place / "pipe")
    (place / "good").write_text("good\n")
    with (place / "huge").open("wb") as huge:
        huge.truncate(100 << 30)
    files = ["link", "loop", "zero", "folder", "pipe", "gone", "huge", "../run.json", "/etc/passwd", "..", "a\0b", "",
             "a" * 300, "..\\run.json", "\ud800"]  # fmt: skip
    for number, file in enumerate(["good", *files]):
        run.writer.event(kind, name=f"n{number}", step=number, file=file, columns=["x"], rows=1, size=1, text="")
    run.end()
    app, ids = opened()
    path = f"/runs/{ids[run.path.name]}/{folder}"
    listed = answer(app, path)[folder]
    assert listed[0]["step"] == 0
    for one in listed:
        for address in (f"{path}/{one['id']}", *([f"{path}/{one['id']}/csv"] if kind == "table" else [])):
            got = app.client.get(address)
            assert "canary" not in got.text
            if one["step"] == 0:
                assert got.status_code == 200
            elif one["step"] == 7:  # the huge one
                assert got.status_code == 413
            else:  # a text whose file's name is none is what the event says
                assert got.status_code == 404 or (kind == "text" and got.json()["text"] == ""), one
    for odd in ("..", "%2e%2e", "x" * 301, "%00"):
        assert app.client.raw("GET", f"/api/v1{path}/{odd}")[0] in (404, 422)


def test_rubbish_in_the_streams_is_passed_over(new_run: Callable[..., Any], opened: Any) -> None:
    run = new_run()
    bad: list[dict[str, Any]] = [
        {"edges": [0, 1], "counts": [1, 2]}, {"edges": "x", "counts": [1]}, {"edges": [0, "1"], "counts": [1]},
        {"edges": [0, 1], "counts": [-1]}, {"edges": [0, 1], "counts": [True]}, {"edges": [], "counts": []}, {},
        {"edges": [0, 10**400], "counts": [1]},
    ]  # fmt: skip
    for step, fields in enumerate(bad):
        run.writer.event("histogram", name="h", step=step, **fields)
    run.writer.event("text", name="t", step=True, text=["no"], characters=-1)
    run.writer.event("table", name="t", step=2**70, file="t.csv", columns="x", rows="many")
    run.writer.event("file", name="f", step=None, file="f.bin", size=1.5)
    run.end()
    streams = run.path / "streams"
    (streams / "a.jsonl").write_bytes(
        b'{"type": "histogram", "time": 1, "name": "h", "edges": [0, Infinity], "counts": [3], "nonfinite": -1}\n'
        b'\xff\xfe{"type": "text"\n"text"\n["text"]\n{"type": "text", "time": "x", "name": "n"}\n'
        b'{"type": "text", "time": 1, "name": "\\ud800", "step": 0, "text": "\\ud800"}\n' + b"[" * 100_000 + b'"text"\n'
        b'{"type": "text", "time": 1, "name": "unfinished'
    )
    (streams / "b.jsonl").symlink_to("/dev/zero")
    os.mkfifo(streams / "c.jsonl")
    app, ids = opened()
    path = f"/runs/{ids[run.path.name]}"
    (histogram,) = answer(app, f"{path}/histograms", name="h")["histograms"]
    assert histogram["edges"] == [0, "Infinity"]
    assert (histogram["counts"], histogram["nonfinite"]) == ([3], 0)
    texts = answer(app, f"{path}/texts")["texts"]
    assert [(one["name"], one["step"], one["text"], one["characters"]) for one in texts] == [
        ("?", 0, "?", 1), ("t", None, "", 0),
    ]  # fmt: skip
    assert answer(app, f"{path}/tables")["tables"][0]["rows"] == 0
    assert answer(app, f"{path}/files")["files"][0]["size"] == 0


def test_a_run_that_logged_nothing_or_has_linked_streams(
    new_run: Callable[..., Any], opened: Any, tmp_path: Path
) -> None:
    run = new_run()
    run.end()
    other = new_run()
    other.writer.event("text", name="t", step=0, text="canary")
    other.end()
    (other.path / "streams").rename(tmp_path / "elsewhere")
    (other.path / "streams").symlink_to(tmp_path / "elsewhere")
    app, ids = opened()
    for name in (run.path.name, other.path.name):
        for kind in ("texts", "tables", "files"):
            assert answer(app, f"/runs/{ids[name]}/{kind}") == {kind: []}
    answer(app, "/runs/none/texts", 404)


def test_a_workspace_that_is_away_is_not_empty(run: Any, opened: Any, workspace: Path, eventually: Any) -> None:
    app, ids = opened()
    id = ids[run.folder.path.name]
    workspace.rename(workspace.with_name("away"))
    eventually(lambda: not app.services.workspace.available)
    for path in ("texts", "tables", "files", "histograms", "code"):
        answer(app, f"/runs/{id}/{path}", 503)
