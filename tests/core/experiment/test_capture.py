from __future__ import annotations

import io
import sys

import pytest

from ailab.experiment.capture import OutputCapture


@pytest.fixture
def lines() -> list[bytes]:
    return []


def test_what_is_printed_goes_to_both(lines: list[bytes], capsys: pytest.CaptureFixture[str]) -> None:
    out = sys.stdout
    capture = OutputCapture(lines.append)
    capture.start()
    print("one")
    print("two", end="")
    print("wärn", file=sys.stderr)
    capture.stop()
    print("after")
    assert lines == [b"one\n", "wärn\n".encode(), b"two\n"]
    assert sys.stdout is out
    assert capsys.readouterr() == ("one\ntwoafter\n", "wärn\n")


def test_a_progress_bar_counts_in_its_last_form(lines: list[bytes]) -> None:
    capture = OutputCapture(lines.append)
    capture.start()
    for percent in range(0, 101, 10):
        print(f"\r{percent} %", end="")
    print()
    print("windows\r\n", end="")
    capture.stop()
    assert lines == [b"100 %\n", b"windows\n"]


def test_a_stream_put_on_top_stays(lines: list[bytes]) -> None:
    capture = OutputCapture(lines.append)
    capture.start()
    ours, on_top = sys.stdout, io.StringIO()
    sys.stdout = on_top
    capture.stop()
    try:
        assert sys.stdout is on_top
    finally:
        sys.stdout = ours.stream  # type: ignore[attr-defined]


def test_the_terminals_owner_is_told_first(lines: list[bytes]) -> None:
    seen: list[int] = []
    capture = OutputCapture(lines.append)
    capture.before_terminal = lambda: seen.append(len(lines))
    capture.start()
    print("x\n", end="")
    capture.stop()
    assert seen[0] == 0
