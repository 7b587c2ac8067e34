"""The few points that are kept of a long series."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ailab.experiment.record.summary import Spark


@given(st.lists(st.integers(0, 400), max_size=12), st.integers(2, 60))
def test_a_spark_is_the_same_however_the_series_came(pieces: list[int], size: int) -> None:
    total = sum(pieces)
    column = np.arange(total)
    at_once, in_pieces = Spark(size), Spark(size)
    at_once.add(column, column * 0.5)
    offset = 0
    for piece in pieces:
        part = column[offset : offset + piece]
        in_pieces.add(part, part * 0.5)
        offset += piece
    assert (at_once.steps, at_once.values) == (in_pieces.steps, in_pieces.values)
    assert len(at_once.steps) < size
    assert at_once.values == [0.5 * step for step in at_once.steps]
    if total:
        # Evenly spaced, by the smallest power of two that keeps fewer than `size`.
        stride = 1
        while -(-total // stride) >= size:
            stride *= 2
        assert at_once.steps == list(range(0, total, stride))
