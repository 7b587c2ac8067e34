from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ailab.experiment import Run, Workspace
from ailab.experiment.filter_subject import FIELDS, RunSubject
from ailab.experiment.filters import FilterError
from ailab.experiment.record import RunReader
from ailab.experiment.workspace import NoSuchRun

Record = Callable[..., Run]


@pytest.fixture
def three(record: Record) -> list[Run]:
    return [
        record({"loss": [3.0, 0.2]}, seed=0),
        record({"loss": [1.0, 0.1], "val/acc": [0.9]}, seed=1, batch_size=64),
        record(experiment="other", end={"state": "failed", "error": "no"}),
    ]


def ids(runs: list[Run]) -> list[str]:
    return [run.id for run in runs]


def test_all_runs_the_newest_first(three: list[Run], workspace: Path) -> None:
    found = Workspace(workspace)
    assert ids(found.runs()) == ids(three[::-1])
    assert ids(found.runs(reverse=True)) == ids(three)
    assert ids(found.runs(limit=1)) == [three[2].id]
    assert sorted(run.path for run in found) == sorted(run.path for run in three)


@pytest.mark.parametrize(
    ("filter", "chosen"),
    [
        ("loss < 0.15", [1]),
        ("max(loss) > 2", [0]),
        ("train.batch_size == 64", [1]),
        ("val/acc > 0.5", [1]),
        ("train.seed in (0, 1)", [1, 0]),
        ("state == 'failed'", [2]),
        ("experiment == 'other' and error == 'no'", [2]),
        ("created > '1h ago' and duration < '1h'", [2, 1, 0]),
        ("metric.loss > 0 and config.train.seed == 0", [0]),
        ("metric['val/acc'] > 0", [1]),
        ("info.schema == 1 and user == info.user", [2, 1, 0]),
        ("arch.loss == 'len' and arch.model == 'SmallConfig'", [2, 1, 0]),
        ("count(loss) == 2 and mean(loss) < 1", [1]),
    ],
)
def test_filters(three: list[Run], workspace: Path, filter: str, chosen: list[int]) -> None:
    assert ids(Workspace(workspace).runs(filter)) == ids([three[i] for i in chosen])


def test_sorted_by_a_value_and_what_has_none_last(three: list[Run], workspace: Path) -> None:
    found = Workspace(workspace)
    assert ids(found.runs(sort="loss")) == ids([three[1], three[0], three[2]])
    assert ids(found.runs(sort="loss", reverse=True)) == ids([three[0], three[1], three[2]])
    assert ids(found.runs("loss < 9", sort="-min(loss)")) == ids([three[0], three[1]])


def test_a_misspelt_name_is_an_error_and_no_empty_list(three: list[Run], workspace: Path) -> None:
    with pytest.raises(FilterError, match="names 'train.batchsize', which no run has; did you mean train.batch_size"):
        Workspace(workspace).runs("train.batchsize == 64")
    with pytest.raises(FilterError, match="names 'lss'"):
        Workspace(workspace).runs(sort="lss")


def test_an_empty_workspace(workspace: Path) -> None:
    assert Workspace(workspace).runs("loss < 3", sort="acc") == []
    with pytest.raises(NoSuchRun, match="holds no runs"):
        Workspace(workspace).run("last")
    with pytest.raises(FileNotFoundError, match="there is no workspace at"):
        Workspace(workspace / "none")


def test_a_run_by_any_of_its_names(three: list[Run], workspace: Path) -> None:
    found = Workspace(workspace)
    one = three[1]
    for name in (one.id, f"digits/{one.id}", one.id[-5:], one.id[:-1], str(one.path), one.path):
        assert found.run(name).path == one.path
    assert found.run("last").path == three[2].path


def test_a_name_that_none_or_several_have(three: list[Run], workspace: Path) -> None:
    found = Workspace(workspace)
    with pytest.raises(NoSuchRun, match=r"'20' is the name of several runs: .*; type more of it"):
        found.run("20")
    with pytest.raises(NoSuchRun, match=r"has no run 'zzz'; 'ailab list' shows"):
        found.run("zzz")
    with pytest.raises(NoSuchRun):
        found.run(f"other/{three[0].id}")


def test_rows_are_plain(three: list[Run], workspace: Path) -> None:
    rows = Workspace(workspace).rows("loss < 9", sort="loss")
    json.dumps(rows, allow_nan=False)
    assert [row["metric.loss"] for row in rows] == [0.1, 0.2]
    assert [row["config.train.seed"] for row in rows] == [1, 0]
    assert type(rows[0]["created"]) is float


def test_a_frame_needs_pandas(three: list[Run], workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ModuleNotFoundError, match="needs pandas: pip install pandas"):
        Workspace(workspace).frame()


def test_a_frame_holds_the_rows(three: list[Run], workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Frame(dict[str, Any]):
        def __init__(self, rows: list[dict[str, Any]], index: list[str]) -> None:
            super().__init__({name: [row.get(name) for row in rows] for name in rows[0]})
            self.index = index

    fake = types.SimpleNamespace(
        DataFrame=Frame,
        Index=lambda values, name: values,
        to_datetime=lambda values, unit, utc: ["a time"] * len(values),
    )
    monkeypatch.setitem(sys.modules, "pandas", fake)
    frame = Workspace(workspace).frame("loss < 9", sort="loss")
    assert frame.index == [f"digits/{three[1].id}", f"digits/{three[0].id}"]
    assert frame["metric.loss"] == [0.1, 0.2]
    assert frame["created"] == ["a time"] * 2


def test_a_servers_reader_is_filtered_alike(three: list[Run]) -> None:
    for run in three:
        reader = RunReader(run.path)
        reader.poll()
        one, two = RunSubject(run), RunSubject(reader)
        assert list(one.names()) == list(two.names())
        for name in one.names():
            if name != "state":
                assert one.look_up(name) == two.look_up(name)
        assert one.reduce("loss", "min") == two.reduce("loss", "min")


def test_every_run_has_every_field(three: list[Run]) -> None:
    for name in set(FIELDS) - {"task", "error", "progress", "commit", "branch"}:
        assert RunSubject(three[0]).look_up(name) is not None
