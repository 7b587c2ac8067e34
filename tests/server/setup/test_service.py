from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ailab_server.setup.service import systemd_unit


def command(unit: str) -> str:
    (line,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    return line.removeprefix("ExecStart=")


def test_the_units_command_is_this_python_and_the_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(systemd_unit(Path("c.json"))) == f"{sys.executable} -m ailab_server {tmp_path / 'c.json'}"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a b.json", '"/x/a b.json"'),
        ("100%.json", '"/x/100%%.json"'),
        ("$HOME.json", '"/x/$$HOME.json"'),
        ('a"b\\c.json', '"/x/a\\"b\\\\c.json"'),
        ("a;b.json", '"/x/a;b.json"'),
    ],
)
def test_what_systemd_would_take_for_something_else_is_quoted(name: str, written: str) -> None:
    assert command(systemd_unit(Path("/x") / name)).endswith(f" -m ailab_server {written}")


def test_a_users_unit_has_no_user_and_a_systems_has_one() -> None:
    own, systems = systemd_unit(Path("/c.json")), systemd_unit(Path("/c.json"), "ada")
    assert "User=" not in own and "WantedBy=default.target" in own
    assert "\nUser=ada\n" in systems and "WantedBy=multi-user.target" in systems


@pytest.mark.parametrize(("path", "user"), [("/a\nExecStart=/bin/x", None), ("/c", "a b"), ("/c", "a\nb"), ("/c", "")])
def test_nothing_adds_a_line_to_a_unit(path: str, user: str | None) -> None:
    with pytest.raises(ValueError, match="unit"):
        systemd_unit(Path(path), user)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("name", ["c.json", "a b%$.json"])
def test_systemd_finds_nothing_wrong(tmp_path: Path, name: str) -> None:
    unit = tmp_path / "ailab-server.service"
    unit.write_text(systemd_unit(tmp_path / name))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    said = [line for line in (done.stdout + done.stderr).splitlines() if "ailab-server" in line]
    assert said == []
