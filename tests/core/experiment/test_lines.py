from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ailab.experiment.lines import PrintedLines

UP = "\x1b[A"


def lines(*texts: str) -> list[str]:
    printed = PrintedLines()
    return [line for text in texts for line in printed.feed(text)] + printed.end()


@given(st.text(st.characters(exclude_characters="\r\x1b\x08\n")), st.lists(st.text("ab \n"), max_size=8))
def test_text_without_drawing_stays_as_it_is(first: str, rest: list[str]) -> None:
    whole = first + "".join(rest)
    found = lines(first, *rest)
    assert found == (whole[:-1] if whole.endswith("\n") else whole).split("\n") if whole else found == []


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a\rb\rc\nd\n"], ["c", "d"]),
        (["10%", "\r20%", "\r30%", "\n", "done\n"], ["30%", "done"]),
        (["a\r\nb\r\n"], ["a", "b"]),  # Windows' line ends are no drawing
        (["\r 5%", "\r    ", "\r", "text\n"], ["text"]),  # wiped, and written over
        (["\r 5%\n", "\r    \r", "text\n"], [" 5%", "text"]),
        (["\x1b[2K\r\x1b[1G50%\x1b[K\n"], ["50%"]),
        (["\x1b[32mgreen\x1b[0m\n"], ["\x1b[32mgreen\x1b[0m"]),
        (["1/9\x08\x08\x08\r2/9\x08\x08\x08\r3/9\n"], ["3/9"]),  # Keras
        (["\n\na\n"], ["", "", "a"]),
        (["no end"], ["no end"]),
    ],
)
def test_a_line_counts_in_its_last_form(texts: list[str], expected: list[str]) -> None:
    assert lines(*texts) == expected
    assert lines(*"".join(texts)) == expected  # however it comes


def test_bars_inside_bars() -> None:
    """As tqdm draws them."""
    texts = ["\router 0%"]
    for outer in (50, 100):
        for inner in (0, 50, 100):
            texts += ["\n", f"\rinner {inner}%", UP]
        texts += ["\n", "\r         ", "\r", UP, f"\router {outer}%"]
    assert lines(*texts, "\n", "the end\n") == ["outer 100%", "the end"]


def test_a_bar_that_is_done_is_handed_out_once_the_next_one_moves() -> None:
    printed = PrintedLines()
    assert printed.feed("\repoch 1 50%") + printed.feed("\repoch 1 100%") + printed.feed("\n") == []
    assert printed.feed("\repoch 2 0%") == []
    assert printed.feed("\repoch 2 1%") == ["epoch 1 100%"]
    assert printed.feed("\n") + printed.feed("text\n") == ["epoch 2 1%", "text"]


def test_what_is_printed_elsewhere_settles_what_is_above_the_cursor() -> None:
    printed = PrintedLines()
    printed.feed("\r100%\n")
    assert printed.settle() == ["100%"]
    printed.feed("\router 0%\n\rinner 0%" + UP)
    assert printed.settle() == []


def test_memory_is_bounded() -> None:
    printed = PrintedLines()
    for number in range(1000):
        printed.feed(f"\r{number}\n")
    assert len(printed.end()) < 50
    printed.feed("x" * 200_000)
    printed.feed("\r" + "y" * 200_000)
    assert [len(line) for line in printed.end()] == [1 << 16]


def test_going_up_beyond_what_is_known_stays_there() -> None:
    assert lines("a\n", "\x1b[99A", "\rb\n", "c\n") == ["a", "b", "c"]
