from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from ailab_server.cli import cli
from ailab_server.clock import wrong_clock


def test_a_clock_that_was_never_set_is_told() -> None:
    assert wrong_clock(time.time()) is None
    assert "1970-01-02 03:46 UTC" in str(wrong_clock(100_000.0))


def test_the_server_does_not_start_with_it(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ailab_server.cli.time.time", lambda: 100_000.0)
    done = CliRunner().invoke(cli, ["--workspace", str(workspace), "--port", "0"])
    assert done.exit_code == 1
    assert done.stderr.startswith("ailab-server: this machine's clock says 1970-01-02")


def test_a_run_from_the_future_is_logged_once_for_its_host(
    start_app: Callable[..., Any], new_run: Callable[..., Any], eventually: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    new_run(host="good")
    for _ in range(2):
        run = new_run(host="bad\nhost")
        run.writer._clock = lambda: time.time() + 3600
        run.writer.event("status", state="running")
    app = start_app()
    eventually(lambda: len(app.client.get("/runs").json()["runs"]) == 3)
    eventually(lambda: "future" in caplog.text)
    assert app.services.workspace.wait_until_read(15)
    said = [record.getMessage() for record in caplog.records if "future" in record.getMessage()]
    assert len(said) == 1
    assert "of host bad" in said[0] and " minutes in the future" in said[0]
