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


def test_real_bars_of_tqdm(lines: list[bytes]) -> None:
    tqdm = pytest.importorskip("tqdm").tqdm
    capture = OutputCapture(lines.append)
    capture.start()
    for _ in tqdm(range(300), desc="single", mininterval=0, ncols=60):
        pass
    for epoch in tqdm(range(2), desc="epochs", mininterval=0, ncols=60):
        for _ in tqdm(range(50), desc="inner", leave=False, mininterval=0, ncols=60):
            pass
        tqdm.write(f"epoch {epoch} done")
    print("the end")
    capture.stop()
    found = [line.decode().partition("|")[0].strip() for line in lines]
    assert found == ["single: 100%", "epoch 0 done", "epoch 1 done", "epochs: 100%", "the end"]


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
