from __future__ import annotations

import csv
import io
import json
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ailab.experiment import Config, Run
from ailab.experiment import logging as log

Ailab = Callable[..., Any]


def test_show(ailab: Ailab, three: list[Run]) -> None:
    run = three[1]
    run.set_tags(["paper"])
    out = ailab("show", run.id).out
    for text in (f"run       digits/{run.id}", "state     finished", "tags      paper", "loss *", "train.seed"):
        assert text in out
    found = ailab("show", run.id, "--json").json
    assert found["metrics"][0] == {
        "name": "loss", "count": 2, "last": 0.125, "min": 0.125, "min_step": 1, "max": 1.0, "max_step": 0,
    }  # fmt: skip
    assert found["config"]["train"]["seed"] == 1
    assert ailab("show", "last", "--json").json["traceback"] == "T"
    assert "\x1b" not in ailab("show", "last").out
    assert "has no run 'zzz'" in ailab("show", "zzz", code=2).err


def test_diff(ailab: Ailab, three: list[Run]) -> None:
    found = ailab("diff", three[0].id, three[1].id, "--json", code=1).json
    assert found["config"] == [{"path": "train.seed", "a": 0, "b": 1}]
    assert found["metrics"] == {"loss": {"a": 0.25, "b": 0.125}, "val/acc": {"a": None, "b": 0.5}}
    assert (found["code"], found["data"], found["environment"]) == ({}, [], [])
    out = ailab("diff", three[0].id, three[1].id, code=1).out
    assert ["train.seed", "0", "1"] in [line.split() for line in out.splitlines()]
    assert "are the same run" in ailab("diff", three[0].id, three[0].id, code=2).err


def test_runs_that_do_not_differ(ailab: Ailab, record: Callable[..., Run]) -> None:
    a, b = record(), record()
    ailab("diff", a.id, b.id, code=0)
    ailab("code", a.id, b.id, code=0)


def test_code(ailab: Ailab, record: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    (project / "train.py").write_text("one\n")
    a = record(snapshot=True)
    (project / "train.py").write_text("two\n")
    (project / "new.py").write_text("")
    b = record(snapshot=True)
    lines = ailab("code", a.id, b.id, code=1).lines
    assert lines == ["--- a/train.py", "+++ b/train.py", "@@ -1 +1 @@", "-one", "+two"]
    assert ailab("code", a.id, b.id, "--names", code=1).lines == ["added    new.py", "changed  train.py"]
    assert ailab("code", a.id, "--json", code=1).json["files"] == {"new.py": "added", "train.py": "changed"}
    ailab("code", b.id, code=0)
    (project / "train.py").write_text("three\n")
    assert "+three" in ailab("code", b.id, code=1).lines


def test_the_code_of_a_folder_is_not_the_workspace_in_it(
    ailab: Ailab, record: Callable[..., Run], workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.parent)
    (workspace.parent / "train.py").write_text("one\n")
    run = record(snapshot=True)
    ailab("code", run.id, code=0)


def test_export_csv_and_jsonl(ailab: Ailab, three: list[Run], tmp_path: Path) -> None:
    rows = list(csv.reader(io.StringIO(ailab("export", three[1].id).out)))
    assert rows[0] == ["experiment", "run", "metric", "step", "time", "value"]
    assert [(row[1], row[2], row[3], row[5]) for row in rows[1:]] == [
        (three[1].id, "loss", "0", "1.0"),
        (three[1].id, "loss", "1", "0.125"),
        (three[1].id, "val/acc", "0", "0.5"),
    ]
    lines = [json.loads(line) for line in ailab("export", "--filter", "state == 'failed'", "--json").lines]
    assert [(line["run"], line["value"]) for line in lines] == [(three[2].id, "NaN")]
    ailab("export", "-m", "val/acc", "-o", str(tmp_path / "x.jsonl"))
    (line,) = (tmp_path / "x.jsonl").read_text().splitlines()
    assert json.loads(line)["metric"] == "val/acc"
    assert "no run has the metric zzz; there are: loss, val/acc" in ailab("export", "-m", "zzz", code=2).err


def test_export_a_row_for_each_run(ailab: Ailab, three: list[Run]) -> None:
    rows = list(csv.DictReader(io.StringIO(ailab("export", "--table").out)))
    assert [row["id"] for row in rows] == [run.id for run in three[::-1]]
    assert rows[1]["metric.val/acc"] == "0.5"
    assert rows[0]["metric.val/acc"] == ""
    assert rows[0]["config.arch.metrics"] == '["accuracy"]'


def test_parquet_needs_a_file_and_pyarrow(
    ailab: Ailab, three: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "give -o FILE" in ailab("export", "--format", "parquet", code=2).err
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "pip install pyarrow" in ailab("export", "-o", str(tmp_path / "x.parquet"), code=1).err


def test_parquet_comes_back(ailab: Ailab, three: list[Run], tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")

    ailab("export", "-o", str(tmp_path / "x.parquet"))
    table = parquet.read_table(tmp_path / "x.parquet").to_pylist()
    assert sorted({row["run"] for row in table}) == sorted(run.id for run in three)
    assert [row["value"] for row in table if row["run"] == three[1].id] == [1.0, 0.125, 0.5]
    ailab("export", "--table", "-o", str(tmp_path / "y.parquet"))
    rows = parquet.read_table(tmp_path / "y.parquet").to_pylist()
    assert [row["config.train.seed"] for row in rows] == [0, 1, 0]


def test_config_in_every_form(ailab: Ailab, three: list[Run]) -> None:
    a, b = three[0].id, three[2].id
    assert ailab("config", a, "--json").json == three[0].config
    assert "  batch_size: 42\n" in ailab("config", a, "--format", "yaml").out
    assert "| `train.batch_size` | 42 | 64 |" in ailab("config", a, b, "--format", "markdown").lines
    latex = ailab("config", a, b, "--format", "latex", "--diff").out
    assert [line for line in latex.splitlines() if "texttt" in line] == [r"\texttt{train.batch\_size} & 42 & 64 \\"]
    assert ailab("config", a, b, "--diff", "--json").json == {a: {"train.batch_size": 42}, b: {"train.batch_size": 64}}
    assert ailab("config", a, "--only", "train.optimizer").lines[1].split() == ["train.optimizer.type", "adam"]
    assert "at least two runs" in ailab("config", a, "--diff", code=2).err
    assert "nothing is set at or below zzz" in ailab("config", a, "--only", "zzz", code=2).err


def test_plot(ailab: Ailab, three: list[Run], tmp_path: Path) -> None:
    file = tmp_path / "x.svg"
    found = ailab("plot", three[0].id, three[2].id, "-o", str(file), "--title", "A title", "--json").json
    assert [curve["label"] for curve in found["curves"]] == ["42", "64"]
    assert "A title" in file.read_text() and "train.batch_size" in file.read_text()
    found = ailab("plot", "--filter", "loss < 1", "--groups", "-o", str(tmp_path / "x.pdf"), "--json").json
    assert [(curve["label"][-9:], curve["points"]) for curve in found["curves"]] == [("(2 seeds)", 2)]
    assert "got 'x.gif'" in ailab("plot", three[0].id, "-o", "x.gif", code=2).err
    assert "no run has zzz; there are: loss" in ailab("plot", three[0].id, "-m", "zzz", "-o", "x.svg", code=2).err


def test_tail(ailab: Ailab, three: list[Run]) -> None:
    run = three[0]
    run.folder.output.write_text("".join(f"line {i}\x1b[1m\n" for i in range(20)) + "rest")
    assert ailab("tail", run.id, "-n", "2").lines == ["line 19�[1m", "rest"]
    assert json.loads(ailab("tail", run.id, "-n", "1", "--json").out) == {"line": "rest"}
    assert ailab("tail", run.id, "-n", "0").out == ""
    assert ailab("tail", run.id, "--values", "-n", "1").lines == ["loss  step 1  0.25"]
    assert ailab("tail", three[1].id, "--values", "-f").lines == [
        "loss  step 0  1", "loss  step 1  0.125", "val/acc  step 0  0.5",
    ]  # fmt: skip


@pytest.mark.parametrize("values", [True, False])
def test_following_ends_with_the_run(ailab: Ailab, config: Config, workspace: Path, values: bool) -> None:
    path = log.setup(config, snapshot=False, capture_output=False)
    log.log_value("loss", 1.0)
    (path / "output.log").write_text("first\n")
    polled = threading.Event()

    def go_on() -> None:
        polled.wait(30)
        with (path / "output.log").open("a") as file:
            file.write("second\n")
        log.log_value("loss", 2.0)
        log.finish()

    import ailab.cli.tail as tail

    thread = threading.Thread(target=go_on)
    thread.start()
    fake = types.SimpleNamespace(sleep=lambda seconds: (polled.set(), thread.join(0.1)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail, "time", fake)
        lines = ailab("tail", path.name, "-f", *(["--values"] if values else [])).lines
    thread.join()
    assert lines == (["loss  step 0  1", "loss  step 1  2"] if values else ["first", "second"])


def test_doctor(ailab: Ailab, three: list[Run]) -> None:
    assert ailab("doctor").out == "nothing to complain about\n"
    three[0].folder.config.write_text("{")
    (finding,) = ailab("doctor", "--json", code=1).json
    assert finding["where"] == f"digits/{three[0].id}"
    assert ailab("doctor", three[1].id).out == "nothing to complain about\n"
    ailab("doctor", three[0].id, code=1)


def test_compare(ailab: Ailab, record: Callable[..., Run]) -> None:
    a = [record({"loss": [1.0 + i / 100]}, seed=i) for i in range(3)]
    b = [record({"loss": [2.0 + i / 100]}, seed=i, batch_size=64) for i in range(3)]
    found = ailab("compare", a[0].id, b[0].id, "--json").json
    assert found["significant"] is True
    assert found["difference"] == pytest.approx(1.0)
    assert sorted(found["a"]["runs"]) == sorted(run.id for run in a)
    assert "the difference is more than seed noise: p < 0.05" in ailab("compare", a[0].id, b[0].id).out
    done = ailab(
        "compare", "train.batch_size == 42 and train.seed < 2", "train.batch_size == 42 and train.seed == 2", code=1
    )
    assert "at least two runs" in done.err
    assert "have 3 runs in common" in ailab("compare", a[0].id, a[1].id, code=2).err
    assert (
        "no run of A has the metric 'zzz'; they have: loss"
        in ailab("compare", a[0].id, b[0].id, "-m", "zzz", code=2).err
    )
    assert "has no run 'zzz'" in ailab("compare", "zzz", b[0].id, code=2).err
