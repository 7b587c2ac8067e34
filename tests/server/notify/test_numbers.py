from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ailab_server.notify.numbers import NewNumbers, Range


def seen(numbers: NewNumbers) -> dict[str, tuple[float, float, float | None]]:
    return {name: (some.low, some.high, some.odd) for name, some in numbers.read().items()}


def test_each_number_is_new_once(new_run: Callable[..., Any]) -> None:
    run = new_run()
    numbers = NewNumbers(run.path / "streams")
    assert seen(numbers) == {}
    for value in (1.0, 7.0, -2.0):
        run.value("loss", value)
    run.value("acc", 0.5)
    assert seen(numbers) == {"loss": (-2.0, 7.0, None), "acc": (0.5, 0.5, None)}
    assert seen(numbers) == {}
    run.value("loss", 3.0)
    run.value("new", 4.0)
    assert seen(numbers) == {"loss": (3.0, 3.0, None), "new": (4.0, 4.0, None)}


def test_the_past_is_skipped_and_named_all_the_same(new_run: Callable[..., Any]) -> None:
    run = new_run()
    run.value("loss", 99.0)
    numbers = NewNumbers(run.path / "streams", skip=True)
    run.value("loss", 1.0)
    assert seen(numbers) == {"loss": (1.0, 1.0, None)}


def test_the_first_that_is_not_finite_is_named_and_the_others_count(new_run: Callable[..., Any]) -> None:
    run = new_run()
    numbers = NewNumbers(run.path / "streams")
    for value in (1.0, math.inf, math.nan, 2.0):
        run.value("loss", value)
    assert seen(numbers) == {"loss": (1.0, math.inf, math.inf)}
    run.value("loss", math.nan)
    low, high, odd = seen(numbers)["loss"]
    assert all(math.isnan(value) for value in (low, high, odd or 0.0))


def test_several_pieces_are_one(new_run: Callable[..., Any]) -> None:
    """A long file is read a megabyte at a time."""
    run = new_run()
    numbers = NewNumbers(run.path / "streams")
    for step in range(100_000):
        run.value("loss", 50.0 if step == 10 else 1.0)
    assert seen(numbers) == {"loss": (1.0, 50.0, None)}
    assert Range(math.nan, math.nan, math.nan).joined(Range(1.0, 2.0, None)).low == 1.0
    assert Range.of(np.array([1.0])).joined(Range.of(np.array([math.inf]))) == Range(1.0, math.inf, math.inf)


def test_a_record_that_is_not_whole_comes_later(new_run: Callable[..., Any]) -> None:
    run = new_run()
    numbers = NewNumbers(run.path / "streams")
    run.value("loss", 1.0)
    (file,) = (run.path / "streams").glob("*.scalars")
    run.value("loss", 2.0)
    data = file.read_bytes()
    file.write_bytes(data[:-5])
    assert seen(numbers) == {"loss": (1.0, 1.0, None)}
    file.write_bytes(data)
    assert seen(numbers) == {"loss": (2.0, 2.0, None)}


def test_a_link_is_not_followed_and_a_folder_that_is_gone_is_told(new_run: Callable[..., Any], tmp_path: Path) -> None:
    run = new_run()
    run.value("loss", 1.0)
    (tmp_path / "link").symlink_to(run.path / "streams")
    assert seen(NewNumbers(tmp_path / "link")) == {}
    with pytest.raises(OSError):
        NewNumbers(tmp_path / "none").read()


@pytest.mark.parametrize("kind", ["jsonl", "scalars"])
def test_damage_at_any_byte_is_no_mistake(new_run: Callable[..., Any], kind: str) -> None:
    run = new_run()
    for value in (1.0, 2.0, 3.0):
        run.value("loss", value)
    (file,) = (run.path / "streams").glob(f"*.{kind}")
    data = file.read_bytes()
    found = set()
    for place in range(len(data)):
        for damaged in (data[:place], data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]):
            file.write_bytes(damaged)
            found |= {some.high for some in NewNumbers(run.path / "streams").read().values()}
    assert found == ({1.0, 2.0} if kind == "scalars" else {3.0})
