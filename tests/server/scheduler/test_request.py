from __future__ import annotations

from pathlib import Path

import pytest

from ailab_server.scheduler.request import BadRequest, check_request


def test_a_good_request(tmp_path: Path) -> None:
    request = check_request(["python", "-u", "/x/train.py", "--lr", "1"], f"{tmp_path}/.", 1, None, 2)
    assert request.command == ("python", "-u", "/x/train.py", "--lr", "1")
    assert request.folder == str(tmp_path)
    assert request.name == "train.py"


@pytest.mark.parametrize(
    ("command", "name"),
    [(["sleep", "1"], "sleep"), (["-x"], "-x"), (["/bin/sh", "-c", "echo"], "sh"), (["sh", "a b.sh"],
     "a b.sh"), (["/"], "task")],
)  # fmt: skip
def test_the_name_is_the_script_or_the_program(tmp_path: Path, command: list[str], name: str) -> None:
    assert check_request(command, str(tmp_path), 0, None, 0).name == name


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"command": []}, "command: give the program"),
        ({"command": [""]}, "command: give the program"),
        ({"command": ["a\0b"]}, "command: holds a NUL"),
        ({"command": ["a", "\ud800"]}, "command: holds a character"),
        ({"folder": "relative"}, "folder: give an absolute path"),
        ({"folder": "~"}, "folder: give an absolute path"),
        ({"folder": "/no/such/folder"}, "folder: there is no such folder"),
        ({"folder": "/etc/passwd"}, "folder: there is no such folder"),
        ({"folder": "/tmp\0"}, "folder: holds a NUL"),
        ({"folder": "/" + "a" * 5000}, "folder: there is no such folder"),
        ({"gpus": 3}, "gpus: 3 were asked for; this server has 2"),
        ({"name": "a\nb"}, "name: give one that is printable"),
        ({"name": " "}, "name: give one that is printable"),
    ],
)
def test_a_bad_request_says_what_to_change(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    good = {"command": ["x"], "folder": str(tmp_path), "gpus": 1, "name": None}
    with pytest.raises(BadRequest, match=reason):
        check_request(**{**good, **change}, gpus_there=2)  # type: ignore[arg-type]
