from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from ailab import __version__
from ailab.cli import main


def run(*arguments: str, **options: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(arguments), **options)  # type: ignore[arg-type]
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_version() -> None:
    assert run("--version") == (0, f"ailab, version {__version__}\n")


def test_plugins_lists_what_is_active() -> None:
    code, output = run("plugins", "--json")
    console = next(row for row in json.loads(output) if row["name"] == "console")
    assert code == 0
    assert console["state"] == "active"
    assert console["hooks"] == ["ailab_progress_updated", "ailab_run_finished", "ailab_run_started"]


def test_plugins_tells_the_disabled_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AILAB_DISABLED_PLUGINS", "console")
    code, output = run("plugins")
    line = next(line for line in output.splitlines() if line.startswith("console"))
    assert (code, line.split()[1]) == (0, "disabled")


def test_an_unknown_command() -> None:
    code, output = run("teleport")
    assert code == 2
    assert "No such command 'teleport'" in output


def test_the_queue_needs_a_server() -> None:
    code, output = run("queue", "list", "--user", "me")
    assert code == 2
    assert "--server" in output


def test_the_queue_needs_a_password() -> None:
    code, output = run("queue", "list", "--server", "http://127.0.0.1:9", "--user", "me")
    assert code == 2
    assert "AILAB_PASSWORD" in output


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AILAB_PASSWORD", "x")
    code, output = run("queue", "list", "--server", "http://127.0.0.1:9", "--user", "me")
    assert code == 1
    assert "cannot reach http://127.0.0.1:9" in output


def test_an_address_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AILAB_PASSWORD", "x")
    code, output = run("queue", "list", "--server", "gpu1:12345", "--user", "me")
    assert code == 1
    assert "address must be like http://host:12345, got 'gpu1:12345'" in output
