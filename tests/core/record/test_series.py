from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ailab.experiment.record import scalars
from ailab.experiment.record.series import VALUES, join, last_records, read_series

NAMES = {0: "loss", 1: "acc", 2: "never"}


def write(path: Path, rows: list[tuple[int, int, float, float]]) -> Path:
    path.write_bytes(b"".join(scalars.pack(*row) for row in rows))
    return path


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-5, 5), st.floats(0, 9), st.floats(-9, 9)), max_size=40))
def test_every_metric_in_the_order_it_was_written(tmp_path_factory: pytest.TempPathFactory, rows: list) -> None:  # type: ignore[type-arg]
    path = write(tmp_path_factory.mktemp("s") / "x", rows)
    found, good = read_series(path, NAMES)
    assert good == 32 * len(rows)
    for id, name in NAMES.items():
        expected = [row[1:] for row in rows if row[0] == id]
        assert (found[name].tolist() if name in found else []) == expected
    only, _ = read_series(path, NAMES, ["acc"])
    assert set(only) == {"acc"} & set(found)
    if "acc" in only:
        assert only["acc"].tolist() == found["acc"].tolist()
        assert only["acc"].dtype == VALUES


def test_many_blocks_and_many_metrics(tmp_path: Path) -> None:
    names = {i: f"m{i}" for i in range(40)}
    rows = [(i % 40, i, float(i), i / 2) for i in range(20_000)]
    found, good = read_series(write(tmp_path / "x", rows), names)
    assert good == 32 * 20_000
    assert found["m7"]["step"].tolist() == list(range(7, 20_000, 40))
    assert found["m7"]["value"].tolist() == [i / 2 for i in range(7, 20_000, 40)]


@pytest.mark.parametrize("at", [0, 5, 9000])
@pytest.mark.parametrize("how", ["flipped", "zero", "unnamed", "cut"])
def test_reading_stops_at_the_first_record_that_is_not_there_yet(tmp_path: Path, at: int, how: str) -> None:
    path = write(tmp_path / "x", [(0, i, 1.0, 2.0) for i in range(10_000)])
    data = bytearray(path.read_bytes())
    record = slice(32 * at, 32 * at + 32)
    if how == "flipped":
        data[32 * at + 20] ^= 1
    elif how == "zero":
        data[record] = bytes(32)
    elif how == "unnamed":
        data[record] = scalars.pack(9, 0, 1.0, 2.0)
    else:
        del data[32 * at + 31 :]
    path.write_bytes(data)
    found, good = read_series(path, NAMES)
    assert good == 32 * at
    assert len(found.get("loss", ())) == at


def test_no_more_than_was_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "x", [(0, i, 1.0, 2.0) for i in range(10)])
    assert len(read_series(path, NAMES, size=32 * 4 + 31)[0]["loss"]) == 4


def test_a_file_that_is_a_link_is_not_read(tmp_path: Path) -> None:
    write(tmp_path / "x", [])
    (tmp_path / "y").symlink_to(tmp_path / "x")
    with pytest.raises(OSError):
        read_series(tmp_path / "y", NAMES)


def test_the_last_values_are_at_the_end(tmp_path: Path) -> None:
    names = {0: "loss", 1: "acc"}
    path = write(tmp_path / "x", [(0, 1, 1.0, 5.0), (1, 1, 2.0, 6.0), (0, 2, 3.0, 7.0)])
    found = last_records(path, names)
    assert found is not None
    assert {name: float(record["value"]) for name, record in found.items()} == {"loss": 7.0, "acc": 6.0}


def test_the_end_does_not_tell_of_what_was_logged_long_before(tmp_path: Path) -> None:
    rows = [(1, 0, 1.0, 6.0), *((0, i, 2.0, 7.0) for i in range(5000))]
    assert last_records(write(tmp_path / "x", rows), {0: "loss", 1: "acc"}) is None


def test_an_end_that_is_not_whole_does_not_tell(tmp_path: Path) -> None:
    path = write(tmp_path / "x", [(0, 1, 1.0, 5.0), (0, 2, 1.0, 6.0)])
    assert last_records(path, {0: "loss"}) is not None
    assert last_records(path, {1: "acc"}) is None
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert last_records(path, {0: "loss"}) is None


def test_the_values_of_several_writers_are_sorted() -> None:
    one = np.array([(0, 1.0, 10.0), (2, 1.0, 12.0)], VALUES)
    two = np.array([(0, 0.5, 20.0), (1, 1.0, 21.0)], VALUES)
    assert join([one, two])["value"].tolist() == [20.0, 10.0, 21.0, 12.0]
    assert join([np.array([(3, 0.0, 1.0), (1, 0.0, 2.0)], VALUES)])["step"].tolist() == [1, 3]
    assert join([]).dtype == VALUES
