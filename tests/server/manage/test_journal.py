from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from ailab_server.manage.journal import Journal


def test_lines_come_back_newest_first(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state", "audit")
    assert list(journal.newest_first()) == []
    for number in range(3):
        journal.append({"n": number})
    assert [entry["n"] for entry in journal.newest_first()] == [2, 1, 0]
    assert ((tmp_path / "state").stat().st_mode & 0o777, (tmp_path / "state/audit.jsonl").stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )


def test_a_line_holds_no_control_character(tmp_path: Path) -> None:
    text = "a\r\nb\x1b[2J\x7f\x00\x9b\u2028ü\ud800"
    Journal(tmp_path, "audit").append({"x": text})
    line = (tmp_path / "audit.jsonl").read_bytes()
    assert line.count(b"\n") == 1
    assert all(32 <= byte < 127 for byte in line[:-1])
    assert next(Journal(tmp_path, "audit").newest_first()) == {"x": text}


def test_files_are_set_aside_by_size_and_the_oldest_goes(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "audit", largest=500, kept=2)
    for number in range(200):
        journal.append({"n": number})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit.1.jsonl", "audit.2.jsonl", "audit.jsonl"]
    assert all(path.stat().st_size < 600 for path in tmp_path.iterdir())
    found = [entry["n"] for entry in journal.newest_first()]
    assert found == list(range(199, 199 - len(found), -1))
    assert 50 < len(found) < 200


def test_two_servers_lose_nothing_of_each_other(tmp_path: Path) -> None:
    def write(name: str) -> None:
        journal = Journal(tmp_path, "audit", largest=2_000, kept=50)
        for number in range(200):
            journal.append({"who": name, "n": number})

    threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = list(Journal(tmp_path, "audit", kept=50).newest_first())
    for name in "ab":
        assert sorted(entry["n"] for entry in found if entry["who"] == name) == list(range(200))


def test_a_line_that_was_cut_short_takes_no_other_along(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "audit")
    journal.append({"n": 0})
    with (tmp_path / "audit.jsonl").open("ab") as file:
        file.write(b'{"n": ')
    journal.append({"n": 1})
    with (tmp_path / "audit.jsonl").open("ab") as file:
        file.write(b"[1]\n\xff\n")
    assert [entry["n"] for entry in journal.newest_first()] == [1, 0]
    assert json.loads((tmp_path / "audit.jsonl").read_bytes().split(b"\n")[2]) == {"n": 1}


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").symlink_to(tmp_path / "elsewhere")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with pytest.raises(OSError):
            Journal(tmp_path, "audit").append({})
    assert not (tmp_path / "elsewhere").exists()
    assert len(os.listdir("/proc/self/fd")) < before + 20  # other tests' threads may open one or two
