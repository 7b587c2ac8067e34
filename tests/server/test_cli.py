from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ailab_server.auth.passwords import hash_password, parse_hash
from ailab_server.cli import cli

HASH = str(hash_password("a password"))


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


def test_hash_password_makes_argon2s_where_its_library_is() -> None:
    pytest.importorskip("argon2")
    done = run("hash-password", "--argon2", input="hunter2\n")
    assert (done.returncode, done.stdout.startswith("$argon2id$")) == (0, True)
    assert parse_hash(done.stdout.strip()).matches("hunter2")


def test_without_argon2s_library_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "argon2", None)
    done = CliRunner().invoke(cli, ["hash-password", "--argon2"], input="x\n")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert 'pip install "ailab-server[argon2]"' in done.stderr
    config = tmp_path / "c.json"
    hashed = "$argon2id$v=19$m=1024,t=2,p=1$c29tZXNhbHRzYWx0$" + "A" * 43
    config.write_text(json.dumps({"workspace": str(tmp_path), "users": {"ada": hashed}}))
    done = CliRunner().invoke(cli, ["check", str(config)])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        f'{config}: users: the entry of ada is argon2\'s, which needs a library: pip install "ailab-server[argon2]"\n'
    )


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


def test_init_writes_a_config_that_is_good_and_shows_the_password_once(tmp_path: Path) -> None:
    config, workspace = tmp_path / "c.json", tmp_path / "new" / "experiments"
    done = run("init", str(config), "--workspace", str(workspace), "--user", "ada")
    assert done.returncode == 0, done.stderr
    assert config.stat().st_mode & 0o777 == 0o600
    keys = json.loads(config.read_text())
    password = done.stdout.partition("user ada, password ")[2].split()[0]
    assert parse_hash(keys["users"]["ada"]).matches(password)
    assert password not in config.read_text()
    assert workspace.is_dir()
    checked = run("check", str(config))
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.splitlines() == [
        "address    http://127.0.0.1:12345",
        f"workspace  {workspace}",
        "users      ada (admin)",
        f"gpus       {', '.join(map(str, keys['gpus'])) or 'none'}",
        f"{config} is good",
    ]


def test_init_leaves_a_file_that_is_there_alone(tmp_path: Path) -> None:
    config = tmp_path / "c.json"
    config.write_text("precious")
    done = run("init", str(config), "--workspace", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{config}: is there already; remove it first, or name another\n"
    assert config.read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--host", "a b"], 'host: "a b" is no address to listen on'),
        (["--user", ""], "users: holds a name that is empty"),
        (["--workspace", "$AILAB_NO_SUCH/x"], "names $AILAB_NO_SUCH, which is not set"),
        (["--workspace", "/dev/null"], "workspace: '/dev/null' is no folder"),
        (["--workspace", "/proc/none"], "cannot be written"),
    ],
)
def test_init_with_what_no_config_can_hold_writes_nothing(tmp_path: Path, arguments: list[str], reason: str) -> None:
    config = tmp_path / "c.json"
    done = run("init", str(config), "--workspace", str(tmp_path / "w"), *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{config}: ") and reason in done.stderr
    assert done.stderr.count("\n") == 1
    assert not config.exists()


def test_check_says_what_is_wrong_and_what_should_not_stay_so(tmp_path: Path) -> None:
    config = tmp_path / "c.json"
    config.write_text(json.dumps({"workspace": str(tmp_path), "gpus": "all"}))
    done = run("check", str(config))
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f'{config}: gpus: "all" is not a list\n')
    config.write_text(json.dumps({"workspace": str(tmp_path), "users": {"ada": "hunter2"}, "host": "*"}))
    done = run("check", str(config))
    assert done.returncode == 0
    assert "address    https://*:12345" in done.stdout
    assert done.stderr.startswith(f"warning: {config}: users: ada with a plain password")
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"host": "no-such-host.invalid"}, "host: 'no-such-host.invalid' is no name that this machine can resolve"),
        ({"host": "192.0.2.1"}, "host: '192.0.2.1' is no address of this machine"),
        ({"executor": "slurmm"}, "executor: no installed plugin offers 'slurmm'; `ailab plugins` lists them"),
        ({"tls": {"cert": "x.pem", "key": "x.pem"}}, "tls: "),
    ],
)  # fmt: skip
def test_check_finds_what_the_start_would_refuse(tmp_path: Path, keys: dict[str, object], line: str) -> None:
    (tmp_path / "x.pem").write_text("rubbish")
    (tmp_path / "x.pem").chmod(0o600)
    if isinstance(files := keys.get("tls"), dict):
        keys = {"tls": {key: str(tmp_path / name) for key, name in files.items()}}
    state = tmp_path / "state"
    config = tmp_path / "c.json"
    config.write_text(
        json.dumps({"workspace": str(tmp_path), "state_dir": str(state), "users": {"ada": HASH}, "port": 0, **keys})
    )
    config.chmod(0o600)
    checked, started = run("check", str(config)), run(str(config))
    assert (checked.returncode, checked.stdout, started.returncode) == (2, "", 2)
    assert checked.stderr.splitlines()[-1].startswith(f"{config}: {line}")
    assert started.stderr.splitlines()[-1] == checked.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("keys", "doubt"),
    [
        ({"gpus": [0, 3, 5]}, "gpus: nvidia-smi knows no 3, 5 here; tasks that get it would find no GPU"),
        ({"gpus": [0, 1]}, None),
        (
            {"auto_detect_experiments": False},
            "experiments: is empty and auto_detect_experiments is false, so no run is shown",
        ),
        (
            {"auto_detect_experiments": False, "experiments": ["digits", "digts"]},
            "experiments: the workspace has no 'digts' yet",
        ),
        ({"experiments": ["digts"]}, None),
    ],
)
def test_check_doubts_what_may_not_mean_what_is_there(
    tmp_path: Path, keys: dict[str, object], doubt: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "digits").mkdir()
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho 0; echo 1\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    config = tmp_path / "c.json"
    config.write_text(json.dumps({"workspace": str(tmp_path), **keys}))
    done = run("check", str(config))
    assert done.returncode == 0
    assert done.stderr == ("" if doubt is None else f"warning: {config}: {doubt}\n")


def test_check_does_not_mind_the_port_of_the_server_that_runs_and_makes_nothing(tmp_path: Path) -> None:
    config, state = tmp_path / "c.json", tmp_path / "state"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config.write_text(json.dumps({"workspace": str(tmp_path), "state_dir": str(state), "port": port}))
        done = run("check", str(config))
    assert (done.returncode, done.stderr) == (0, "")
    assert list(state.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["serve"], "give either a config file or --workspace DIR"),
        (["c.json", "--workspace", "."], "give either a config file or --workspace DIR"),
        (["c.json", "--port", "1"], "--port goes with --workspace; the port of c.json is its key port"),
        (["--workspace", "/no/such"], "ailab-server: workspace: '/no/such' is no folder on this machine"),
        (["--workspace", "/", "--port", "70000"], "ailab-server: port: 70000 is no port: 0 to 65535"),
    ],
)
def test_what_cannot_be_served_is_one_line(arguments: list[str], line: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{line}\n")


def test_an_executor_that_no_plugin_offers_is_one_line(tmp_path: Path) -> None:
    config = tmp_path / "c.json"
    config.write_text(json.dumps({"workspace": str(tmp_path), "port": 0, "executor": "slurm"}))
    done = run(str(config))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        f"{config}: executor: no installed plugin offers 'slurm'; `ailab plugins` lists them"
    )


def test_service_prints_a_unit_only_for_a_good_config(tmp_path: Path) -> None:
    config = tmp_path / "c.json"
    assert run("service", str(config)).stderr == f"{config}: there is no such file\n"
    config.write_text(json.dumps({"workspace": str(tmp_path)}))
    done = run("service", str(config), "--user", "ailab")
    assert (done.returncode, done.stderr) == (0, "")
    assert "User=ailab\n" in done.stdout and str(config) in done.stdout


def test_check_can_send_a_test_message(tmp_path: Path) -> None:
    config = tmp_path / "c.json"
    config.write_text(json.dumps({"workspace": str(tmp_path)}))
    assert "names neither webhooks nor email" in run("check", str(config), "--notify").stderr
    keys = {"workspace": str(tmp_path), "notify": {"webhooks": ["http://127.0.0.1:1/secret"]}}
    config.write_text(json.dumps(keys))
    done = run("check", str(config), "--notify")
    assert done.returncode == 1
    assert f"{config}: notify: the webhook at 127.0.0.1 cannot be reached" in done.stderr
    assert "secret" not in done.stdout + done.stderr
