"""Series as arrays that grow with their run."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ailab.experiment.record import RunReader
from ailab.experiment.record.layout import RunFolder
from ailab.experiment.record.writer import RecordWriter
from ailab_server.workspace.columns import Columns, ColumnsCache
from ailab_server.workspace.series import part


def as_read_whole(run: Path, metric: str) -> list[list[float]]:
    reader = RunReader(run)
    reader.poll()
    values = reader.values(metric)
    return [values[field].astype(float).tolist() for field in ("step", "time", "value")]


def test_what_was_read_in_pieces_is_what_is_read_at_once(new_run: Callable[..., Any]) -> None:
    run = new_run()
    columns = Columns(run.path / "streams")
    second = RecordWriter(RunFolder(run.path), lambda message, error: pytest.fail(message))
    for number in range(60):
        run.value("loss", float(number), number // 2)
        if number % 3 == 0:
            run.value("acc", -float(number), 100 - number)
            second.scalar("loss", 0.5 * number, None, primary=False)
        if number % 7 == 0:
            columns.refresh()
    columns.refresh()
    second.close()
    for metric in ("loss", "acc"):
        found = columns.get(metric)
        assert found is not None
        assert found.tolist() == as_read_whole(run.path, metric)
    assert columns.get("none") is None
    assert columns.start() == min(as_read_whole(run.path, metric)[1][0] for metric in ("loss", "acc"))


def test_a_linked_folder_is_not_read(new_run: Callable[..., Any], tmp_path: Path) -> None:
    run = new_run()
    run.value("loss", 1.0)
    (tmp_path / "link").symlink_to(run.path / "streams")
    columns = Columns(tmp_path / "link")
    columns.refresh()
    assert columns.get("loss") is None


def test_the_cache_stays_below_its_limit_and_keeps_what_was_used_last(new_run: Callable[..., Any]) -> None:
    runs = [new_run() for _ in range(4)]
    for run in runs:
        for _ in range(100):
            run.value("loss", 1.0)
    each = 2400 + 650 + len("loss")
    cache = ColumnsCache(most=2 * each)

    def use(number: int) -> Columns:
        columns = cache.get(str(number), runs[number].path / "streams")
        with columns.lock:
            columns.refresh()
            cache.keep(str(number), columns)
        return columns

    first = use(0)
    second = use(1)
    assert use(0) is first
    use(2)
    assert use(0) is first
    assert use(1) is not second
    assert cache._bytes <= 2 * each
    cache.forget("0")
    assert use(0) is not first


def test_many_metrics_of_few_values_count_for_what_they_take(new_run: Callable[..., Any]) -> None:
    run = new_run()
    for number in range(500):
        run.value(f"{'x' * 100}{number}", 1.0)
    tracemalloc.start()
    try:
        columns = Columns(run.path / "streams")
        columns.refresh()
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert columns.nbytes > 0.7 * taken


@given(
    st.lists(st.floats(-1e6, 1e6), max_size=50).map(sorted),
    st.none() | st.floats(-1e6, 1e6),
    st.none() | st.floats(-1e6, 1e6),
)
def test_a_part_is_what_lies_between_and_a_neighbour_on_either_side(
    times: list[float], low: float | None, high: float | None
) -> None:
    series = np.stack((np.arange(len(times), dtype=float), np.array(times), np.arange(len(times), dtype=float)))
    x, values = part(series, "time", 0.0, low, high)
    inside = [
        index for index, time in enumerate(times) if (low is None or time >= low) and (high is None or time <= high)
    ]
    if inside:
        expected = list(range(max(0, inside[0] - 1), min(len(times), inside[-1] + 2)))
        assert values.tolist() == expected
    else:
        assert len(values) <= 2
    assert x.tolist() == [times[int(value)] for value in values]


def test_axes() -> None:
    series = np.array([[0.0, 1.0, 2.0], [110.0, 105.0, 120.0], [5.0, 6.0, 7.0]])
    assert part(series, "step", 100.0, None, None).tolist() == [[0.0, 1.0, 2.0], [5.0, 6.0, 7.0]]
    assert part(series, "time", 100.0, None, None).tolist() == [[105.0, 110.0, 120.0], [6.0, 5.0, 7.0]]
    assert part(series, "relative", 100.0, None, None).tolist() == [[5.0, 10.0, 20.0], [6.0, 5.0, 7.0]]
