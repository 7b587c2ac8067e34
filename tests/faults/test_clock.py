"""Clocks that are wrong and jump, by faketime."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ailab.experiment import Run


@pytest.fixture
def clock(tmp_path: Path, faketime: Path) -> tuple[dict[str, str], Callable[[str], None]]:
    """The environment of a process with a clock of its own, and what sets that clock."""
    file = tmp_path / "clock"

    def turn(to: str) -> None:
        later = file.with_suffix(".new")
        later.write_text(to + "\n")
        later.rename(file)

    turn("+0")
    return {
        "LD_PRELOAD": str(faketime), "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1", "NO_FAKE_STAT": "1",
    }, turn  # fmt: skip


@pytest.mark.parametrize("jumps", [["+12y", "+0"], ["+0", "-20y"], ["-20y", "+12y", "+0"], ["-3600", "+3600", "-1"]])
def test_a_clock_that_jumps_while_a_run_goes_on(
    train: Callable[..., Any], tmp_path: Path, clock: Any, jumps: list[str]
) -> None:
    env, turn = clock
    turn(jumps[0])
    training = train(tmp_path / "w", env=env)
    for part, jump in enumerate(jumps, 1):
        turn(jump)
        training.tell("log", count=100)
        training.tell("progress", value=part / len(jumps))
        time.sleep(0.2)  # progress is written at most ten times a second, by a clock that does not jump
    training.tell("finish")
    assert training.end() == 0
    reader = training.reader()
    count = 100 * len(jumps)
    assert reader.values("loss")["value"].tolist() == [float(i) for i in range(count)]
    assert (reader.state, reader.damaged, reader.progress) == ("finished", False, 1.0)
    assert (reader.metrics["loss"].last, reader.metrics["loss"].last_step) == (count - 1.0, count - 1)
    times = reader.values("loss")["time"]
    if jumps[0] != jumps[-1] and abs(times[-1] - times[0]) < 0.5:
        pytest.fail("the clock did not jump")
    run = Run(training.path)
    assert (run.state, run.last("loss")) == ("finished", count - 1.0)


@pytest.mark.parametrize("jump", ["+12y", "-20y"])
def test_a_run_under_another_clock_that_is_killed_turns_stale_at_the_server(
    train: Callable[..., Any], tmp_path: Path, clock: Any, jump: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Liveness is a heartbeat's change seen on the reader's own clock."""
    from ailab.experiment.record import reader as module

    monkeypatch.setattr(module, "STALE_SECONDS", 7.0)  # a heartbeat comes every five seconds
    env, turn = clock
    turn(jump)
    training = train(tmp_path / "w", env=env)
    training.tell("log", count=1)
    reader = training.reader()
    training.tell("log", count=1)
    reader.poll()
    assert reader.state == "running"
    training.process.kill()
    training.process.wait()
    end = time.monotonic() + 20
    while reader.state != "stale":
        assert time.monotonic() < end
        reader.poll()
        time.sleep(0.05)


def test_a_server_whose_clock_was_never_set_does_not_start(tmp_path: Path, faketime: Path) -> None:
    env = {**os.environ, "LD_PRELOAD": str(faketime), "FAKETIME": "@1970-01-02 00:00:00",
           "FAKETIME_DONT_FAKE_MONOTONIC": "1"}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "ailab_server", "--workspace", str(tmp_path), "--port", "0"],
        capture_output=True, text=True, timeout=60, env=env,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("ailab-server: this machine's clock says 1970-01-0")
