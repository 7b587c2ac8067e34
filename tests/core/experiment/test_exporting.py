from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ailab.experiment import Run, exporting
from ailab.experiment.exporting import MissingParquet, export

Record = Callable[..., Run]


@pytest.fixture
def two(record: Record) -> list[Run]:
    return [
        record({"loss": [1.0, 0.5], "acc": [math.nan]}, seed=1),
        record({"loss": [2.0]}, experiment="other", lr="x"),
    ]


def rows(pieces: object) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(pieces).decode())))  # type: ignore[call-overload]


@pytest.mark.parametrize("at_once", [0, 1 << 30])
def test_a_row_for_each_value_however_large_the_run(
    two: list[Run], monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(exporting, "_AT_ONCE", at_once)
    found = rows(export(two, (), "csv"))
    assert [(row[0], row[2], row[3], row[5]) for row in found[1:]] == [
        ("digits", "loss", "0", "1.0"), ("digits", "loss", "1", "0.5"), ("digits", "acc", "0", "nan"),
        ("other", "loss", "0", "2.0"),
    ]  # fmt: skip
    assert [row[1] for row in rows(export(two, {"acc"}, "csv"))[1:]] == [two[0].id]
    lines = [json.loads(line) for line in b"".join(export(two, ["acc"], "jsonl")).splitlines()]
    assert [(line["metric"], line["value"]) for line in lines] == [("acc", "NaN")]


def test_a_long_series_comes_in_pieces(record: Record) -> None:
    run = record({"loss": [float(i) for i in range(10_000)]})
    pieces = list(export([run], (), "csv"))
    assert len(pieces) == 4
    assert len(rows(pieces)) == 10_001


def test_a_row_for_each_run(two: list[Run]) -> None:
    found = rows(export(two, (), "csv", table=True))
    first, second = (dict(zip(found[0], row, strict=True)) for row in found[1:])
    assert (first["config.train.seed"], first["metric.loss"], first["metric.acc"]) == ("1", "0.5", "nan")
    assert (second["config.train.seed"], second["metric.acc"], second["config.train.lr"]) == ("", "", "x")
    assert first["tags"] == "[]"
    lines = [json.loads(line) for line in b"".join(export(two, (), "jsonl", table=True)).splitlines()]
    assert [line["id"] for line in lines] == [run.id for run in two]


def test_what_it_keeps_of_a_run_is_forgotten(two: list[Run]) -> None:
    b"".join(export(two, (), "csv"))
    assert not any(run._small for run in two)


def test_a_run_that_cannot_be_read(two: list[Run]) -> None:
    scalars = next(two[0].folder.streams.glob("*.scalars"))
    scalars.unlink()
    scalars.symlink_to("/dev/zero")
    with pytest.raises(OSError, match=r"symbolic links|Too many"):
        b"".join(export(two, (), "csv"))
    told: list[Run] = []
    two[0].reload()
    found = rows(export(two, (), "csv", unreadable=lambda run, error: told.append(run)))
    assert told == [two[0]]
    assert [row[1] for row in found[1:]] == [two[1].id]


def test_a_metric_that_was_named_and_never_logged_has_no_rows(two: list[Run]) -> None:
    next(two[0].folder.streams.glob("*.scalars")).unlink()
    assert [row[1] for row in rows(export(two, (), "csv"))[1:]] == [two[1].id]
    assert len(two[0].values("loss")) == 0


def test_parquet(two: list[Run], tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "x").write_bytes(b"".join(export(two, (), "parquet")))
    found = parquet.read_table(tmp_path / "x").to_pylist()
    assert [(row["metric"], row["step"]) for row in found] == [("loss", 0), ("loss", 1), ("acc", 0), ("loss", 0)]
    (tmp_path / "y").write_bytes(b"".join(export(two, (), "parquet", table=True)))
    assert [row["id"] for row in parquet.read_table(tmp_path / "y").to_pylist()] == [run.id for run in two]


def test_parquet_without_pyarrow_says_so_at_once(two: list[Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingParquet, match="pip install pyarrow"):
        export(two, (), "parquet")
