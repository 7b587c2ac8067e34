"""`ailab.client` against a server process."""

from __future__ import annotations

import csv
import io
import re
import socket
import threading
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ailab.client import Client, ServerError
from ailab.experiment import Config, start


def begin(workspace: Path, snapshot: bool = False, **train: Any) -> Any:
    config = Config()
    config.train.experiment_name = "digits"
    for name, value in train.items():
        setattr(config.train, name, value)
    for name in ("model", "loss", "prepare"):
        setattr(config.arch, name, print)
    config.arch.metrics = []
    return start(config, workspace=workspace, snapshot=snapshot, capture_output=False, system_seconds=None)


@pytest.fixture
def names(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three runs' folders; the first has something of everything."""
    code = tmp_path / "project"
    code.mkdir()
    (code / "train.py").write_text("one\n")
    (tmp_path / "model.bin").write_bytes(bytes(range(256)) * 10_000)
    monkeypatch.chdir(code)
    found = []
    for number in range(3):
        (code / "train.py").write_text(f"number {number}\n")
        with begin(workspace, snapshot=True, lr=number / 10) as run:
            for step in range(100):
                run.log_value("a/b ü", float(number + step), step=step)
            if number == 0:
                run.log_value("nan", float("nan"))
                run.log_text("note", "ü" * 20_000)
                run.log_table("t/able".replace("/", "-"), [[n, str(n)] for n in range(25)], columns=["a", "b"])
                run.log_histogram("h", np.arange(10.0), bins=2)
                run.log_file(tmp_path / "model.bin")
                run.log_image("figure", np.zeros((4, 4, 3), np.uint8), caption="c")
        run.folder.output.write_text("printed é\n")
        found.append(run.folder.path.name)
    return found


@pytest.fixture
def client(
    names: list[str], start_server: Callable[..., Any], password: str, eventually: Callable[..., Any]
) -> Iterator[Client]:
    with Client(start_server().url, "ada", password) as found:
        eventually(lambda: found.run_page()["total"] == 3)
        yield found


def end_login(client: Client) -> None:
    """As time or a restart of the server would."""
    request = urllib.request.Request(
        f"{client.address}/api/v1/logout", b"{}",
        {"Authorization": f"Bearer {client._token}", "Content-Type": "application/json"}, method="POST",
    )  # fmt: skip
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()


def test_a_login_that_has_ended_is_made_again(
    names: list[str], start_server: Callable[..., Any], password: str, tmp_path: Path
) -> None:
    with Client(start_server().url, "ada", password) as client:
        end_login(client)
        assert client.system()["user"] == "ada"
        end_login(client)
        with pytest.raises(ServerError, match="no such run"):
            client.set_notes("none", "x")  # with a body
        client._credentials["password"] = "another"
        end_login(client)
        with pytest.raises(ServerError, match="user or password is wrong") as caught:
            client.system()
        assert caught.value.status == 401
        # Leaving the block is no error, although there is no login to end.
    with pytest.raises(ServerError, match="was closed"):
        client.system()
    client.close()
    assert password not in repr(vars(client))


def test_every_reading_call(client: Client, names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = {run["name"]: run["id"] for run in client.runs()}
    assert list(ids) == names[::-1]
    first = ids[names[0]]

    # Runs, a page at a time, filtered and sorted.
    assert [run["name"] for run in client.runs(sort=["train.lr"], page=1)] == names
    assert [run["name"] for run in client.runs("train.lr > 0", ["-train.lr"], page=2)] == names[:0:-1]
    page = client.run_page("train.lr >= 0", ["train.lr"], ["train.lr", "max('a/b ü')"], offset=1, limit=1)
    assert (page["total"], page["offset"], page["values"]) == (3, 1, [[0.1, 100.0]])
    with pytest.raises(ServerError, match="which no run has") as refused:
        list(client.runs("train.rl > 0"))
    assert refused.value.status == 422
    with pytest.raises(TypeError, match="sort must be a list"):
        client.run_page(sort="loss")

    # One run.
    detail = client.run(first)
    assert detail["config"]["train"]["lr"] == 0.0
    (image,) = detail["images"]
    assert image["latest"]["caption"] == "c"
    assert client.image(first, image["latest"]["id"]).startswith(b"\x89PNG")
    with pytest.raises(ServerError, match="no such run") as absent:
        client.run("nosuch")
    assert absent.value.status == 404

    # Numbers.
    series = client.series(first, "a/b ü")
    assert series["steps"].tolist() == list(range(100))
    assert series["values"].dtype == np.float64
    assert (series["total"], series["reduced"]) == (100, False)
    assert series["times"][0] > 1e9
    series["values"] += 1
    assert len(client.series(first, "a/b ü", points=10)["values"]) <= 10
    curves = client.compare([first, ids[names[1]], "none"], ["a/b ü", "nan"], x="step", low=10, high=20)
    assert {(curve["run"], curve["metric"]) for curve in curves} == {
        (first, "a/b ü"), (ids[names[1]], "a/b ü"), (first, "nan"),
    }  # fmt: skip
    assert curves[0]["x"].tolist() == list(range(9, 22))

    # What was logged.
    (text,) = client.texts(first)
    assert client.text(first, text["id"])["text"] == "ü" * 20_000
    (table,) = client.tables(first, "t-able")
    monkeypatch.setattr("ailab.client.logged._ROWS", 10)
    assert list(client.table_rows(first, table["id"])) == [[str(n), str(n)] for n in range(25)]
    saved = client.save_table(first, table["id"], tmp_path / "table.csv")
    assert saved.read_text().startswith("a,b\n0,0\n")
    assert client.histogram_names(first) == [{"name": "h", "count": 1}]
    assert client.histograms(first, "h")[0]["counts"] == [5, 5]
    (file,) = client.files(first)
    client.save_file(first, file["id"], tmp_path / "copy.bin")
    assert (tmp_path / "copy.bin").read_bytes() == (tmp_path / "model.bin").read_bytes()

    # Code, differences, export.
    (code,) = client.code(first)["files"]
    assert client.code_file(first, code["id"])["text"] == "number 0\n"
    with zipfile.ZipFile(client.save_code(first, tmp_path / "code.zip")) as archive:
        assert archive.namelist() == [f"{names[0]}/train.py"]
    assert client.diff([first, ids[names[2]]])["config"][0]["values"] == [0.0, 0.2]
    assert "+number 2" in client.diff_code(first, ids[names[2]])["diff"]
    exported = client.export(tmp_path / "all.csv", "train.lr > 0", metrics=["a/b ü"])
    rows = list(csv.reader(io.StringIO(exported.read_text())))
    assert len(rows) == 201
    assert len(client.export(tmp_path / "x.jsonl", runs=[first], table=True).read_text().splitlines()) == 1

    # Output.
    assert client.log(first, tail=3)["text"] == "é\n"
    assert list(client.follow_log(first)) == ["printed é\n"]
    assert list(client.follow_log(first, tail=3)) == ["é\n"]
    assert client.system()["user"] == "ada"
    assert client.tasks() == []
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_every_managing_call(client: Client, names: list[str], eventually: Callable[..., Any]) -> None:
    runs = eventually(lambda: len(found := list(client.runs("state == 'finished'"))) == 3 and found)
    a, b, _ = (run["id"] for run in runs)
    assert client.set_tags(a, ["x", "y"]) == {"tags": ["x", "y"], "notes": ""}
    assert client.add_tags(a, "z", "x")["tags"] == ["x", "y", "z"]
    assert client.remove_tags(a, "x", "none")["tags"] == ["y", "z"]
    assert client.set_notes(a, "ü\n")["notes"] == "ü\n"
    assert (client.run(a)["tags"], client.run(a)["notes"]) == (["y", "z"], "ü\n")
    with pytest.raises(ServerError, match="a tag must be") as refused:
        client.add_tags(a, "a,b")
    assert refused.value.status == 422

    assert [run["id"] for run in client.trash_runs(b)] == [b]
    assert [(run["id"], run["user"]) for run in client.trash()] == [(b, "ada")]
    assert b not in [run["id"] for run in client.runs()]
    assert client.restore_runs(b)[0]["id"] == b
    assert (client.trash(), b in [run["id"] for run in client.runs()]) == ([], True)

    state = client.system_state()
    assert (state["memory"]["total"], [disk["name"] for disk in state["disks"]])[1] == ["workspace", "state"]
    assert (client.storage()["runs"], client.run_storage(user="nobody")["total"]) == (3, 0)

    audited = list(client.audit(user="ada"))
    assert [entry["action"] for entry in audited][:3] == ["restore_runs", "trash_runs", "change_tags"]
    assert list(client.audit(action="trash_runs")) == [entry for entry in audited if entry["action"] == "trash_runs"]
    page = client.audit_page(limit=2)
    assert client.audit_page(before=page["next"], limit=1)["entries"] == audited[2:3]


def test_following_a_live_log_that_is_cut(client: Client, workspace: Path, eventually: Callable[..., Any]) -> None:
    run = begin(workspace)
    log = run.folder.output
    log.write_text("one\n")
    id = eventually(lambda: [one["id"] for one in client.runs() if one["name"] == run.folder.path.name])[0]
    pieces: list[str] = []

    def follow() -> None:
        for piece in client.follow_log(id, wait=1.0):
            pieces.append(piece)  # noqa: PERF402 - one by one, as they come

    thread = threading.Thread(target=follow)
    thread.start()
    eventually(lambda: "".join(pieces) == "one\n")
    with log.open("a") as file:
        file.write("two €\n")
    eventually(lambda: "".join(pieces) == "one\ntwo €\n")
    log.write_text("cut\n")
    eventually(lambda: "".join(pieces) == "one\ntwo €\ncut\n")
    with log.open("a") as file:
        file.write("the last")
    run.finish()
    thread.join(20)
    assert "".join(pieces) == "one\ntwo €\ncut\nthe last"


def test_a_file_appears_whole_or_not_at_all(client: Client, tmp_path: Path) -> None:
    target = tmp_path / "kept.csv"
    target.write_text("before")
    with pytest.raises(ServerError) as refused:
        client.export(target, "no.such > 1")
    assert refused.value.status == 422
    with pytest.raises(OSError, match="no such folder to write into: .*no'"):
        client.export(tmp_path / "no" / "folder.csv")
    assert target.read_text() == "before"


@pytest.fixture
def odd_server() -> Iterator[Callable[[bytes], str]]:
    """A server that answers the login, and whatever comes next with some bytes."""
    listening = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve(answer: bytes) -> str:
        def run() -> None:
            for content in (b'HTTP/1.0 200 OK\r\n\r\n{"token": "secret-token"}', answer):
                connection, _ = listening.accept()
                with connection:
                    # Read whole: a connection that is closed with bytes unread is reset, answer and all.
                    with connection.makefile("rb") as request:
                        head = b"".join(iter(request.readline, b"\r\n"))
                        length = re.search(rb"(?i)content-length: (\d+)", head)
                        seen.append(head + b"\r\n" + request.read(int(length[1]) if length else 0))
                    connection.sendall(content)

        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    seen: list[bytes] = []
    serve.seen = seen  # type: ignore[attr-defined]
    yield serve
    listening.close()
    for thread in threads:
        thread.join(5)


@pytest.mark.parametrize(
    ("answer", "call", "message"),
    [
        (b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\n{", lambda c, p: c.run("x"), "did not send the whole answer"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nabc", lambda c, p: c.export(p), "did not send the whole"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", lambda c, p: c.export(p), "whole"),
        (b"HTTP/1.0 200 OK\r\n\r\n<html>", lambda c, p: c.run("x"), "did not answer like an ailab-server"),
        (b"HTTP/1.0 200 OK\r\n\r\n\xff\xff\xff\xff", lambda c, p: c.series("x", "loss"), "is no series"),
        (b"HTTP/1.0 200 OK\r\n\r\n\x02\0\0\0{}", lambda c, p: c.compare(["x"], ["loss"]), "is no series"),
        (b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/steal\r\n\r\n", lambda c, p: c.run("x"), "302"),
        (b"rubbish\r\n\r\n", lambda c, p: c.run("x"), "whole answer"),
        (b"", lambda c, p: c.run("x"), "Remote end closed"),
    ],
)  # fmt: skip
def test_answers_that_are_none(
    odd_server: Any, tmp_path: Path, answer: bytes, call: Callable[[Client, Path], Any], message: str
) -> None:
    client = Client(odd_server(answer), "ada", "x")
    target = tmp_path / "file.csv"
    with pytest.raises(ServerError, match=message) as error:
        call(client, target)
    assert "secret-token" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_an_address_that_is_none_and_a_server_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="address must be like"):
        Client("gpu1:12345", "ada", "x")
    with pytest.raises(ServerError, match="is ailab-server running there"):
        Client("http://127.0.0.1:1", "ada", "x")
