from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ailab_server.auth.passwords import parse_hash
from ailab_server.cli import cli


def run(*arguments: str, input: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ailab_server", *arguments], input=input, capture_output=True, text=True, timeout=60
    )


def test_help_tells_what_to_type() -> None:
    for arguments in (["--help"], ["-h"]):
        done = CliRunner().invoke(cli, arguments)
        assert done.exit_code == 0
        for word in ("my_config.json", "hash-password", "workspace", "gpus", "allowed_origins"):
            assert word in done.output


def test_without_arguments_the_help_shows() -> None:
    done = CliRunner().invoke(cli, [])
    assert done.exit_code == 2
    assert "hash-password" in done.output


def test_help_does_not_wait_for_the_web_framework() -> None:
    code = "import sys, ailab_server.cli; print('fastapi' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_hash_password_reads_stdin_and_prints_a_hash_only() -> None:
    done = run("hash-password", input="hunter2\n")
    assert done.returncode == 0
    assert parse_hash(done.stdout.strip()).matches("hunter2")
    assert "hunter2" not in done.stdout + done.stderr


def test_an_empty_password_is_refused() -> None:
    done = run("hash-password", input="\n")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "a password may not be empty\n")


@pytest.mark.parametrize("prefix", [[], ["serve"]])
def test_a_bad_config_is_one_line_and_exit_code_2(tmp_path: Path, prefix: list[str]) -> None:
    config = tmp_path / "c.json"
    config.write_text(json.dumps({"workspace": str(tmp_path), "port": -1}))
    done = run(*prefix, str(config))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{config}: port: -1 is no port: 0 to 65535\n"


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("host", "no-such-host.invalid", "no name that this machine can resolve"),
        ("state_dir", "/proc/none", "state_dir: '/proc/none' cannot be made"),
    ],
)
def test_what_shows_only_at_the_start_is_exit_code_2_too(tmp_path: Path, key: str, value: str, reason: str) -> None:
    config = tmp_path / "c.json"
    config.write_text(json.dumps({"workspace": str(tmp_path), "users": {"a": "b"}, "port": 0, key: value}))
    config.chmod(0o600)
    done = run(str(config))
    assert (done.returncode, done.stdout) == (2, "")
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"{config}: ") and reason in line


def test_a_file_name_reaches_the_terminal_escaped(tmp_path: Path) -> None:
    done = run(f"{tmp_path}/\x1b[2J.json")
    assert done.returncode == 2
    assert done.stderr == f"{tmp_path}/\\x1b[2J.json: there is no such file\n"


def test_the_alias_in_core_is_the_same_program(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.json")
    alias = subprocess.run(
        [sys.executable, "-m", "ailab.visualization", missing], capture_output=True, text=True, timeout=60
    )
    own = run(missing)
    assert (alias.returncode, alias.stderr) == (own.returncode, own.stderr) == (2, own.stderr)
