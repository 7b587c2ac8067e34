"""What a run prints: its end, and following it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ailab_server import output

from .conftest import answer


@pytest.fixture
def live(new_run: Callable[..., Any], opened: Any) -> tuple[Any, Any, str]:
    """A run that goes on, an app, and the address of its log."""
    run = new_run()
    app, ids = opened()
    return run, app, f"/runs/{ids[run.path.name]}/log"


def test_reading_on(live: tuple[Any, Any, str]) -> None:
    run, app, path = live
    log = run.path / "output.log"
    log.write_bytes(b"one\ntwo \xe2\x82")  # the third byte of a euro is not there yet
    first = answer(app, path, **{"from": 0})
    assert (first["text"], first["start"], first["next"], first["size"]) == ("one\ntwo ", 0, 8, 10)
    assert not first["over"]
    with log.open("ab") as file:
        file.write(b"\xac\xff!\n")
    second = answer(app, path, **{"from": first["next"], "file": first["file"]})
    assert (second["text"], second["next"], second["file"]) == ("€\ufffd!\n", 14, first["file"])
    nothing = answer(app, path, **{"from": 14, "file": first["file"]})
    assert (nothing["text"], nothing["next"], nothing["restarted"]) == ("", 14, False)
    small = answer(app, path, **{"from": 0, "tail": 5})
    assert (small["text"], small["next"]) == ("one\nt", 5)
    run.end()


def test_every_piece_of_a_log_put_together_is_the_log(live: tuple[Any, Any, str]) -> None:
    run, app, path = live
    data = ("añ€😀\r\n" * 50).encode()
    (run.path / "output.log").write_bytes(data)
    for size in (4, 5, 7, 64):
        text, begin = "", 0
        while begin < len(data):
            piece = answer(app, path, **{"from": begin, "tail": size})
            assert piece["next"] > begin
            text, begin = text + piece["text"], piece["next"]
        assert text == data.decode()


@pytest.mark.parametrize("data", [b"\xff" * 40, b"\xe2" * 40, b"\x80" * 40, b"\xf0\x9f\x98" * 20, b"\xe2\x82"])
def test_what_is_no_utf_8_is_never_waited_for_for_ever(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "e" / "r").mkdir(parents=True)
    (tmp_path / "e" / "r" / "output.log").write_bytes(data + b"end\n")
    from ailab_server.workspace.entry import Entry

    entry = Entry("x", str(tmp_path / "e" / "r"), "e/r")
    text, begin = "", 0
    while begin < len(data) + 4:
        piece = output.read_from(tmp_path, entry, begin, "", 4)
        assert piece.next > begin
        text, begin = text + piece.text, piece.next
    assert text.endswith("end\n")


def test_a_run_that_ended_within_a_character_is_read_to_its_end(live: tuple[Any, Any, str]) -> None:
    run, app, path = live
    (run.path / "output.log").write_bytes(b"killed \xe2\x82")
    assert answer(app, path)["next"] == 7
    run.end("killed")
    found = answer(app, path, **{"from": 7, "wait": 20})
    while not found["over"]:
        found = answer(app, path, **{"from": 7, "wait": 20})
    assert (found["text"], found["next"]) == ("\ufffd", 9)


def test_a_log_that_was_cut_or_replaced_begins_anew(live: tuple[Any, Any, str]) -> None:
    run, app, path = live
    log = run.path / "output.log"
    log.write_text("a long first version\n")
    first = answer(app, path, **{"from": 0})
    os.truncate(log, 0)
    log.write_text("short\n")
    cut = answer(app, path, **{"from": first["next"], "file": first["file"]})
    assert (cut["text"], cut["start"], cut["restarted"]) == ("short\n", 0, True)
    (run.path / "new").write_text("a replaced file, which is longer than where we were\n")
    (run.path / "new").rename(log)
    replaced = answer(app, path, **{"from": cut["next"], "file": cut["file"]})
    assert (replaced["start"], replaced["restarted"]) == (0, True)
    assert replaced["text"].startswith("a replaced file")
    assert replaced["file"] != cut["file"]
    run.end()


def test_waiting_ends_when_there_is_more(live: tuple[Any, Any, str]) -> None:
    run, app, path = live
    log = run.path / "output.log"
    log.write_text("begin\n")
    timer = threading.Timer(0.3, lambda: log.write_text("begin\nmore\n"))
    timer.start()
    began = time.monotonic()
    found = answer(app, path, **{"from": 6, "wait": 20})
    assert found["text"] == "more\n"
    assert time.monotonic() - began < 10
    timer.join()


def test_waiting_begins_before_anything_is_printed_and_ends_with_the_run(live: tuple[Any, Any, str]) -> None:
    run, app, path = live
    timer = threading.Timer(0.3, run.end)
    timer.start()
    found = answer(app, path, **{"from": 0, "wait": 20})
    assert (found["text"], found["size"], found["over"]) == ("", 0, True)
    timer.join()
    began = time.monotonic()
    answer(app, path, **{"from": 0, "wait": 20})
    assert time.monotonic() - began < 5, "a run that is over prints no more"


def test_waiting_has_an_end(live: tuple[Any, Any, str]) -> None:
    _, app, path = live
    assert answer(app, path, **{"from": 0, "wait": 0.3})["text"] == ""
    for bad in ({"from": -1}, {"from": 0, "wait": 31}, {"from": 0, "wait": "nan"}, {"from": 2**63}, {"tail": 0}):
        answer(app, path, 422, **bad)
    assert answer(app, path, **{"from": 2**62})["restarted"] is False  # there is no file that could have been cut


def test_a_link_or_a_pipe_is_no_log(live: tuple[Any, Any, str], tmp_path: Path) -> None:
    run, app, path = live
    (tmp_path / "secret").write_text("canary")
    (run.path / "output.log").symlink_to(tmp_path / "secret")
    assert answer(app, path, **{"from": 0})["text"] == ""
    (run.path / "output.log").unlink()
    os.mkfifo(run.path / "output.log")
    assert answer(app, path, **{"from": 0})["text"] == ""


def test_a_log_of_gigabytes_is_read_in_pieces(live: tuple[Any, Any, str]) -> None:
    run, app, path = live
    with (run.path / "output.log").open("wb") as file:
        file.truncate(20 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b"the end\n")
    found = answer(app, path, tail=8)
    assert (found["text"], found["size"]) == ("the end\n", (20 << 30) + 8)
    assert answer(app, path, **{"from": 20 << 30})["text"] == "the end\n"


def test_who_waits_is_answered_when_the_server_stops(live: tuple[Any, Any, str]) -> None:
    _, app, path = live
    timer = threading.Timer(0.3, lambda: app.loop.call_soon_threadsafe(app.services.hub.close))
    timer.start()
    began = time.monotonic()
    assert not answer(app, path, **{"from": 0, "wait": 20})["over"]
    assert time.monotonic() - began < 10
    timer.join()


def test_a_server_that_stops_does_not_wait_for_who_waits(
    start_server: Callable[..., Any], new_run: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    new_run()
    server = start_server()
    client = server.log_in()
    run = eventually(lambda: client.get("/runs").json()["runs"])[0]["id"]
    waiting = threading.Thread(
        target=lambda: server.client.get(f"/runs/{run}/log", params={"from": 0, "wait": 30}).close(), daemon=True
    )
    waiting.start()
    time.sleep(0.3)  # that it waits shows in nothing
    code, seconds = server.stop()
    assert code == 0
    assert seconds < 2
    waiting.join(5)
