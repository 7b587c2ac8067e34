from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ailab_server.auth.passwords import hash_password
from ailab_server.config import ConfigError, is_loopback, load_config

SECRET = "hunter2-secret"


@pytest.fixture
def write(tmp_path: Path, workspace: Path) -> Callable[..., Path]:
    def to_file(content: Any = None, **keys: Any) -> Path:
        path = tmp_path / "c.json"
        if content is None:
            content = {"workspace": str(workspace), "users": {"ada": SECRET}, **keys}
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        path.chmod(0o600)
        return path

    return to_file


def line_of(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    line = str(caught.value)
    assert "\n" not in line
    assert SECRET not in line
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


def test_the_defaults_are_safe(write: Callable[..., Path], workspace: Path) -> None:
    config = load_config(write())
    assert (config.host, config.port, config.gpus) == ("127.0.0.1", 12345, [])
    assert config.auto_detect_experiments
    assert config.allowed_origins == config.allowed_hosts == []
    assert config.workspace == str(workspace)


def test_the_originals_config_works_unchanged(
    write: Callable[..., Path], workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER", workspace.name)
    content = {
        "host": "*", "port": 12345, "users": {"admin": "password"}, "workspace": f"{workspace.parent}/$USER",
        "auto_detect_experiments": True, "gpus": [0, 1],
    }  # fmt: skip
    config = load_config(write(content))
    assert config.workspace == str(workspace)
    assert config.gpus == [0, 1]


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"port": "80"}, 'port: "80" is not a whole number'),
        ({"port": 70000}, "port: 70000 is no port: 0 to 65535"),
        ({"port": True}, "port: true is not a whole number"),
        ({"host": ""}, 'host: "" is no address to listen on: give "*", an IP address or a host name'),
        ({"host": 5}, "host: 5 is not a string"),
        ({"hots": "*"}, "hots: there is no such key; did you mean 'host'?"),
        ({"gpus": 2}, "gpus: 2 is not a list"),
        ({"gpus": [0, "1"]}, 'gpus[1]: "1" is not a whole number'),
        ({"gpus": [0, -1]}, "gpus: [0, -1] holds -1, but ids are 0 or more"),
        ({"gpus": [1, 1]}, "gpus: [1, 1] holds 1 twice"),
        ({"auto_detect_experiments": "yes"}, 'auto_detect_experiments: "yes" is not true or false'),
        ({"users": ["ada"]}, "users: is not an object of names and passwords"),
        ({"users": {"ada": 5}}, "users[ada]: is not a string"),
        ({"users": {"ada": ""}}, "users: ada has an empty password"),
        ({"users": {"": SECRET}}, "users: holds a name that is empty, too long or not printable"),
        ({"users": {"a\nb": SECRET}}, "users: holds a name that is empty, too long or not printable"),
        (
            {"users": {"ada": "scrypt$" + SECRET}},
            "users: the entry of ada is no password hash as `ailab-server hash-password` writes it",
        ),
        ({"workspace": "$AILAB_NO_SUCH/x"}, 'workspace: "$AILAB_NO_SUCH/x" names $AILAB_NO_SUCH, which is not set'),
        ({"workspace": "/no/such"}, "workspace: '/no/such' is no folder on this machine"),
        ({"workspace": ""}, 'workspace: "" is no path'),
        ({"roles": ["ada"]}, 'roles: ["ada"] is not an object of names and roles'),
        ({"roles": {"ada": "root"}}, 'roles[ada]: "root" is no role: viewer, operator or admin'),
        ({"tls": "on"}, 'tls: "on" is neither "auto", nor false, nor {"cert": PATH, "key": PATH}'),
        ({"tls": {"cert": "x"}}, "tls[key]: is missing"),
        ({"tls": {"cert": "x", "key": 5}}, "tls[key]: 5 is not a string"),
        ({"tls": {"cert": "x", "kye": "y", "key": "z"}}, "tls[kye]: there is no such key; did you mean 'key'?"),
        ({"tls": {"cert": "/no", "key": "/no"}}, "tls[cert]: '/no' cannot be read: No such file or directory"),
        ({"executor": "a b"}, 'executor: "a b" is no executor\'s name'),
        ({"poll_seconds": 0}, "poll_seconds: 0 is not between 0.05 and 60"),
        ({"poll_seconds": "1"}, 'poll_seconds: "1" is not a number'),
        ({"tasks_per_gpu": 0}, "tasks_per_gpu: 0 is not between 1 and 64"),
        ({"limits": 5}, "limits: 5 is not an object"),
        (
            {"notify": {"on": ["fail"]}},
            "notify[on][0]: \"fail\" is none of 'finished', 'failed', 'killed', 'stale', 'nan' or 'threshold'",
        ),
        ({"notify": {"webhook": SECRET}}, "notify[webhook]: there is no such key; did you mean 'webhooks'?"),
        (
            {"notify": {"thresholds": [{"metric": "x"}]}},
            'notify[thresholds][0]: {"metric": "x"} has neither "above" nor "below"',
        ),
        (
            {"notify": {"thresholds": [{"metric": "x", "above": "1"}]}},
            'notify[thresholds][0][above]: "1" is not a number',
        ),
        ({"users": {"on": 5, "port": SECRET}}, "users[on]: is not a string"),
        ({"notify": [SECRET]}, "notify: is not an object"),
        ({"notify": {"email": SECRET}}, "notify[email]: is not an object"),
        ({"limits": {"connections": 1}}, "limits[connections]: 1 is not between 8 and 100000"),
        ({"limits": {"conections": 1}}, "limits[conections]: there is no such key; did you mean 'connections'?"),
        (
            {"allowed_origins": ["https://ui.example/x"]},
            'allowed_origins: ["https://ui.example/x"] holds \'https://ui.example/x\', which is no origin:'
            " write it as https://name or http://name:port",
        ),
        (
            {"allowed_hosts": ["a:80"]},
            'allowed_hosts: ["a:80"] holds \'a:80\', which is no host name (give it without a port)',
        ),
        ({"experiments": ["../x"]}, "experiments: [\"../x\"] holds '../x', which is no experiment's name"),
        (
            {"users": {}, "host": "*"},
            "users: there are none, so anyone who reaches '*' could run programs here: add one, or take host 127.0.0.1",
        ),
    ],
)  # fmt: skip
def test_a_bad_value_is_one_line_with_key_and_reason(
    write: Callable[..., Path], keys: dict[str, Any], line: str
) -> None:
    assert line_of(write(**keys)) == line


@pytest.mark.parametrize(
    "url", [f"ftp://{SECRET}", f"http://u:{SECRET}@x", f"http:///{SECRET}", f"http://x/{SECRET} y"]
)
def test_a_webhook_that_is_none(write: Callable[..., Path], url: str) -> None:
    assert line_of(write(notify={"webhooks": [url]})) == "notify[webhooks]: holds what is no http or https address"


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"recipients": []}, "[recipients]: is empty"),
        ({"sender": "a\nb@c"}, "[sender]: holds what is no e-mail address"),
        ({"recipients": ["a@b, c@d"]}, "[recipients]: holds what is no e-mail address"),
        ({"port": 0}, "[port]: 0 is not between 1 and 65535"),
        ({"security": "ssl"}, "[security]: \"ssl\" is none of 'starttls', 'tls' or 'none'"),
    ],
)
def test_a_mail_server_that_is_none(write: Callable[..., Path], keys: dict[str, Any], line: str) -> None:
    mail = {"host": "x", "password": SECRET, "sender": "a@b", "recipients": ["a@b"], **keys}
    assert line_of(write(notify={"email": mail})) == f"notify[email]{line}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"workspace": "x",\n  "port" 1}', "line 2, column 10: Expecting ':' delimiter"),
        ("", "line 1, column 1: Expecting value"),
        ("[]", 'is not a JSON object: a config looks like {"workspace": "~/experiments"}'),
        ('{"port": 1, "port": 2}', "port: is written twice"),
        ("{}", "workspace: is missing"),
        ("[" * 100_000, "is no JSON that a config could be"),
    ],
)
def test_a_bad_file_is_one_line_that_says_where(write: Callable[..., Path], text: str, line: str) -> None:
    assert line_of(write(text)) == line


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert line_of(tmp_path / "none.json") == "there is no such file"
    assert line_of(tmp_path) == "cannot be read: Is a directory"
    (tmp_path / "latin.json").write_bytes(b'{"\xe9": 1}')
    assert line_of(tmp_path / "latin.json") == "is not UTF-8 (byte 2)"


def test_a_byte_order_mark_is_no_error(write: Callable[..., Path]) -> None:
    path = write()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_config(path).users == {"ada": SECRET}


def test_a_password_is_in_no_form_of_the_config(write: Callable[..., Path]) -> None:
    mail = {"host": "x", "password": SECRET, "sender": "a@b", "recipients": ["a@b"]}
    config = load_config(write(notify={"webhooks": [f"https://x/{SECRET}"], "email": mail}))
    assert SECRET not in repr(config) + str(config)


def test_plain_passwords_and_readable_files_are_warned_of(write: Callable[..., Path]) -> None:
    path = write()
    assert [w.removeprefix(f"{path}: ") for w in load_config(path).warnings(path)] == [
        "users: ada with a plain password; `ailab-server hash-password` makes a hash to put there"
    ]
    path.chmod(0o644)
    assert "chmod 600" in load_config(path).warnings(path)[1]


def test_hashed_passwords_on_loopback_give_no_warning(write: Callable[..., Path]) -> None:
    path = write(users={"ada": str(hash_password(SECRET))})
    assert load_config(path).warnings(path) == []


def test_an_open_host_is_encrypted_unless_the_config_says_no_which_is_warned_of(write: Callable[..., Path]) -> None:
    users = {"ada": str(hash_password(SECRET))}
    path = write(host="*", users=users)
    assert load_config(path).encrypted
    assert load_config(path).warnings(path) == []
    path = write(host="*", users=users, tls=False)
    assert not load_config(path).encrypted
    assert "open to the network and nothing is encrypted" in load_config(path).warnings(path)[0]


@pytest.mark.parametrize(("tls", "encrypted"), [(None, False), (False, False), ("auto", True), (True, True)])
def test_loopback_is_encrypted_only_when_asked_for(write: Callable[..., Path], tls: object, encrypted: bool) -> None:
    assert load_config(write(tls=tls)).encrypted is encrypted


def test_a_role_for_nobody_is_warned_of(write: Callable[..., Path]) -> None:
    path = write(users={"ada": str(hash_password(SECRET))}, roles={"ada": "admin", "bbo": "admin"})
    assert load_config(path).warnings(path) == [f"{path}: roles: bbo with a role, but not among the users"]


def test_a_workspace_that_may_not_be_read(
    write: Callable[..., Path], workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.scandir", refuse)  # root may read everything
    assert line_of(write()) == f"workspace: '{workspace}' cannot be read: Permission denied"


def test_home_and_variables_expand(
    write: Callable[..., Path], workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(workspace.parent))
    monkeypatch.setenv("WHERE", workspace.name)
    assert load_config(write(workspace="~/${WHERE}")).workspace == str(workspace)
    assert load_config(write(workspace="$HOME/$WHERE")).workspace == str(workspace)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.3.2.1", True), ("::1", True), ("localhost", True), ("*", False), ("0.0.0.0", False),
     ("::", False), ("192.168.1.5", False), ("localhost.evil.example", False)],
)  # fmt: skip
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
