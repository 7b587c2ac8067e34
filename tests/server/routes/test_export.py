"""Values of runs as files."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ailab_server.stream import download

from .conftest import answer


@pytest.fixture
def three(logged: Callable[..., Any]) -> list[str]:
    names = []
    for number in range(3):
        with logged(seed=number) as run:
            for step in range(2):
                run.log_value("loss", number + step / 4)
            if number:
                run.log_value('val,"acc', float("nan"))
        names.append(run.folder.path.name)
    return names


def rows(app: Any, **params: Any) -> list[list[str]]:
    got = app.client.get("/export", params=params)
    assert got.status_code == 200, got.text
    assert got.headers["content-type"] == "text/csv; charset=utf-8"
    assert got.headers["content-disposition"].startswith('attachment; filename="runs.csv"')
    assert "sandbox" in got.headers["content-security-policy"]
    return list(csv.reader(io.StringIO(got.text)))


def test_csv(three: list[str], opened: Any) -> None:
    app, ids = opened()
    found = rows(app)
    assert found[0] == ["experiment", "run", "metric", "step", "time", "value"]
    assert [(row[0], row[1], row[2], row[3], row[5]) for row in found[1:4]] == [
        ("digits", three[2], "loss", "0", "2.0"),
        ("digits", three[2], "loss", "1", "2.25"),
        ("digits", three[2], 'val,"acc', "0", "nan"),
    ]
    assert len(found) == 9
    assert {row[1] for row in rows(app, filter="train.seed > 0", metric="loss")[1:]} == set(three[1:])
    assert [row[1] for row in rows(app, run=[ids[three[1]], ids[three[1]]], metric="loss")[1:]] == [three[1]] * 2
    assert len(rows(app, metric="none")) == 1


def test_json_lines_and_a_row_for_each_run(three: list[str], opened: Any) -> None:
    app, ids = opened()
    got = app.client.get("/export", params={"format": "jsonl", "run": ids[three[1]]})
    assert got.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line)["value"] for line in got.text.splitlines()] == [1.0, 1.25, "NaN"]
    table = rows(app, table=True)
    assert [dict(zip(table[0], row, strict=True))["config.train.seed"] for row in table[1:]] == ["2", "1", "0"]
    assert dict(zip(table[0], table[3], strict=True))['metric.val,"acc'] == ""


def test_parquet(three: list[str], opened: Any) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    app, _ = opened()
    got = app.client.get("/export", params={"format": "parquet", "metric": "loss"})
    assert got.headers["content-type"] == "application/x-parquet"
    found = parquet.read_table(io.BytesIO(got.content)).to_pylist()
    assert [row["value"] for row in found] == [2.0, 2.25, 1.0, 1.25, 0.0, 0.25]


def test_parquet_without_pyarrow_says_what_to_do(
    three: list[str], opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    app, _ = opened()
    problem = answer(app, "/export", 501, format="parquet")
    assert "pip install pyarrow" in problem["detail"]


def test_questions_that_cannot_be(three: list[str], opened: Any) -> None:
    app, ids = opened()
    answer(app, "/export", 422, format="xlsx")
    assert "which no run has" in answer(app, "/export", 422, filter="los < 1")["detail"]
    assert (
        "name the runs, or give a filter" in answer(app, "/export", 422, filter="loss < 1", run=ids[three[0]])["detail"]
    )
    answer(app, "/export", 404, run="none")


def test_a_workspace_that_is_away_makes_no_empty_file(
    three: list[str], opened: Any, workspace: Path, eventually: Callable[..., Any]
) -> None:
    app, ids = opened()
    workspace.rename(workspace.with_name("away"))
    eventually(lambda: not app.services.workspace.available)
    for chosen in ({}, {"table": True}, {"run": ids[three[0]]}):
        answer(app, "/export", 503, **chosen)
    workspace.with_name("away").rename(workspace)
    eventually(lambda: app.services.workspace.available)
    assert len(rows(app)) == 9


def test_a_run_that_cannot_be_read_is_left_out(
    three: list[str], opened: Any, new_run: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    bad = new_run()
    bad.value("loss", 7.0)
    bad.end()
    scalars = next(bad.path.glob("streams/*.scalars"))
    scalars.unlink()
    scalars.symlink_to("/dev/zero")
    named = new_run()  # its metric is named, and nothing logged yet
    named.writer.event("metric", id=0, name="loss", primary=False)
    named.end()
    app, _ = opened()
    assert {row[1] for row in rows(app)[1:]} == set(three)
    assert f"an export leaves out numbers of {bad.path}" in caplog.text


def test_what_many_take_at_once_is_limited(three: list[str], opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_MOST", 0)
    app, _ = opened()
    closed: list[bool] = []
    assert answer(app, "/export", 503)["detail"] == "too many downloads are on their way"
    with pytest.raises(Exception, match="too many"):
        download.Download(iter([]), "text/plain", {}, close=lambda: closed.append(True))
    assert closed == [True]


def test_who_takes_nothing_costs_a_piece_of_memory_and_is_given_up() -> None:
    made: list[int] = []
    ended: list[bool] = []

    def pieces() -> Any:
        try:
            for number in range(1000):
                made.append(number)
                yield b"x" * 1000
        finally:
            ended.append(True)

    async def main() -> None:
        sent: list[dict[str, Any]] = []
        gone = asyncio.Event()

        async def send(message: Any) -> None:
            sent.append(message)
            if len(sent) == 3:
                await asyncio.Event().wait()  # the client reads no more

        async def receive() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        answer = download.Download(pieces(), "text/plain", {}, close=lambda: ended.append(True))
        task = asyncio.create_task(answer({}, receive, send))
        while len(sent) < 3:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)
        assert len(made) <= 3
        gone.set()
        await asyncio.wait_for(task, 5)

    asyncio.run(main())
    assert ended == [True, True]
    assert not download._open


def test_a_file_that_is_cut_while_it_is_sent_does_not_end_like_a_whole_one(
    start_server: Callable[..., Any], logged: Callable[..., Any], tmp_path: Any, eventually: Callable[..., Any]
) -> None:
    import httpx

    (tmp_path / "big").write_bytes(os.urandom(1 << 20) * 24)
    with logged() as run:
        run.log_file(tmp_path / "big")
    client = start_server().log_in()
    id = eventually(lambda: client.get("/runs").json()["runs"])[0]["id"]
    (file,) = client.get(f"/runs/{id}/files").json()["files"]
    with pytest.raises(httpx.RemoteProtocolError), client.stream("GET", f"/runs/{id}/files/{file['id']}") as stream:
        parts = stream.iter_bytes()
        next(parts)
        os.truncate(run.folder.path / "files" / "big@0", 1000)
        for _ in parts:
            pass
