from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from ailab.experiment.console import Bar, duration


def test_durations() -> None:
    assert [duration(s) for s in (0, 9.6, 75, 3675)] == ["0:00", "0:10", "1:15", "1:01:15"]


def test_the_bar_is_drawn_in_place_and_wiped() -> None:
    terminal = io.StringIO()
    bar = Bar(terminal)
    bar.draw("mnist", 0.5, 75)
    bar.draw("mnist", 0.51, 74)  # too soon
    bar.wipe()
    bar.wipe()
    assert terminal.getvalue() == "\r\x1b[Kmnist " + "━" * 15 + "╌" * 15 + "  50%  1:15 left" + "\r\x1b[K"


class Ascii(io.StringIO):
    encoding = "ascii"  # type: ignore[assignment]


def test_a_terminal_that_knows_ascii_only_gets_ascii() -> None:
    terminal = Ascii()
    Bar(terminal).draw("größe", 0.5, None)
    assert terminal.getvalue() == "\r\x1b[Kgr??e " + "#" * 15 + "-" * 15 + "  50%"


def test_a_line_never_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    terminal = io.StringIO()
    Bar(terminal).draw("resnet50-imagenet-baseline-lr0.001", 0.5, 75)
    line = terminal.getvalue().removeprefix("\r\x1b[K")
    assert len(line) == 59
    assert line.startswith("resnet50") and line.endswith("50%  1:15 left")
    monkeypatch.setenv("COLUMNS", "20")
    terminal = io.StringIO()
    Bar(terminal).draw("resnet50", 0.5, 75)
    assert len(terminal.getvalue().removeprefix("\r\x1b[K")) == 19


def test_a_bar_shows_in_a_terminal_and_only_there(tmp_path: Path) -> None:
    code = """
from ailab.experiment import Config
import ailab.experiment.logging as log
config = Config()
for name in ("model", "loss", "metrics", "prepare"):
    setattr(config.arch, name, print)
log.setup(config=config, snapshot=False)
log.update_progress(0.5)
print("epoch 1")
print("begun ...", end=" ", flush=True)
log.update_progress(1)
print("done")
"""
    environment = {**os.environ, "AILAB_WORKSPACE": str(tmp_path), "PYTHONIOENCODING": "utf-8"}
    quiet = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, timeout=60, check=True)
    assert (quiet.stdout, quiet.stderr) == (b"epoch 1\nbegun ... done\n", b"")

    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux says EIO when the last one has closed the terminal
                break
            if not part:
                break
            shown += part
        assert process.wait(60) == 0
    os.close(ours)
    text = shown.decode()
    assert "Config ━━━" in text and " 50%" in text
    assert text.index("50%") < text.index("epoch 1")
    assert "begun ... done" in text
