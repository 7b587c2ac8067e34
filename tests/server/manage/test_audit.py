from __future__ import annotations

import logging
from pathlib import Path

import pytest

from ailab_server.manage.audit import Audit, audit_folder


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_entries_of_both_files_in_the_order_of_time(tmp_path: Path) -> None:
    clock = Clock()
    audit = Audit(tmp_path, clock)
    audit.note("login", "ada", "10.0.0.1", status=200)
    clock.now += 1
    audit.refused_login("ada", "10.0.0.2", 401)
    clock.now += 1
    audit.note("add_task", "ada", "10.0.0.1", "/api/v1/tasks", 201, "task x")
    found = audit.page(10, None, None, None)
    assert [entry["action"] for entry in found] == ["add_task", "login refused", "login"]
    assert found[0] == {
        "time": 1_000_002.0, "user": "ada", "address": "10.0.0.1", "action": "add_task", "target": "/api/v1/tasks",
        "status": 201, "detail": "task x",
    }  # fmt: skip
    assert [entry["action"] for entry in audit.page(1, found[0]["time"], None, None)] == ["login refused"]
    assert [entry["action"] for entry in audit.page(9, None, "ada", "login")] == ["login"]
    assert audit.page(9, None, "bob", None) == []


def test_no_two_entries_are_at_one_time_so_no_page_loses_any(tmp_path: Path) -> None:
    audit = Audit(tmp_path, Clock())
    for number in range(25):
        audit.note(f"a{number}", "ada", "")
    seen, before = [], None
    while page := audit.page(10, before, None, None):
        seen += [entry["action"] for entry in page]
        before = page[-1]["time"]
    assert seen == [f"a{number}" for number in reversed(range(25))]


def test_guessing_neither_fills_the_disk_nor_drives_others_out(tmp_path: Path) -> None:
    clock = Clock()
    audit = Audit(tmp_path, clock)
    audit.note("add_task", "ada", "10.0.0.1")
    for _ in range(5_000):
        audit.refused_login("(no user)", "10.0.0.9", 401)
    assert len((tmp_path / "audit-refused.jsonl").read_bytes().splitlines()) == 30
    clock.now += 61
    audit.refused_login("ada", "10.0.0.9", 429)
    latest, told, *_, first = audit.page(100, None, None, None)
    assert (latest["status"], told["action"], told["detail"]) == (429, "logins refused", "4970 more before this")
    assert first["action"] == "add_task"


def test_a_disk_that_is_full_stops_nobody_and_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    audit = Audit(tmp_path / "file")  # no folder can be made there
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            audit.note("login", "ada", "")
        assert caplog.text.count("the audit cannot be kept") == 1
        (tmp_path / "file").unlink()
        audit.note("login", "ada", "")
    assert len(audit.page(10, None, None, None)) == 1


def test_what_is_long_is_cut_and_what_is_odd_is_kept(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    audit.note("x" * 1_000, "\ud800\n", "y" * 1_000, "z" * 5_000, 200, "w" * 5_000)
    (entry,) = audit.page(1, None, None, None)
    assert (len(entry["action"]), len(entry["address"]), len(entry["target"])) == (100, 100, 500)
    assert entry["user"] == "?\n"


def test_where_it_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert audit_folder(str(tmp_path), "/w") == tmp_path
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "x"))
    assert audit_folder(None, "/w").parent.parent == tmp_path / "x" / "ailab-server"
    assert audit_folder(None, "/w") != audit_folder(None, "/v")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert audit_folder(None, "/w").is_absolute()
