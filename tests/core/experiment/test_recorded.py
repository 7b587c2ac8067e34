from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ailab.experiment import Run
from ailab.experiment import logging as log
from ailab.experiment.record import RecordWriter, RunFolder, scalars

Record = Callable[..., Run]


def test_a_run_comes_back(record: Record) -> None:
    run = record({"loss": [3.0, 2.0, 1.0], "val/acc": [0.5]}, seed=7)
    assert run.state == "finished"
    assert run.metrics == ["loss", "val/acc"]
    assert run.primary == "loss"
    values = run.values("loss")
    assert values["value"].tolist() == [3.0, 2.0, 1.0]
    assert values["step"].tolist() == [0, 1, 2]
    assert values.value.tolist() == [3.0, 2.0, 1.0]
    assert values.dtype.names == ("step", "time", "value")
    assert (np.abs(values["time"] - time.time()) < 60).all()
    assert run.last("loss") == 1.0
    assert run.lasts() == {"loss": 1.0, "val/acc": 0.5}
    assert run.config.train.seed == run.config["train"]["seed"] == 7
    assert run.config.at("train.nothing", 3) == 3
    assert (run.experiment, run.id) == ("digits", run.path.name)
    assert run.created is not None and run.finished is not None and run.duration is not None
    assert 0 <= run.duration < 60
    assert run.problems == []


def test_the_values_may_be_changed(record: Record) -> None:
    run = record({"loss": [3.0]})
    run.values("loss")["value"] *= 2
    assert run.values("loss")["value"].tolist() == [3.0]


def test_a_misspelt_field_of_the_config_says_what_it_is_close_to(record: Record) -> None:
    with pytest.raises(AttributeError, match="no field 'batchsize' was recorded; did you mean 'batch_size'"):
        _ = record().config.train.batchsize


def test_an_unknown_metric_says_which_there_are(record: Record) -> None:
    run = record({"loss": [1.0], "acc": [1.0]})
    with pytest.raises(KeyError, match="has no metric 'los'; it has: loss, acc"):
        run.values("los")


def test_a_failed_run(record: Record) -> None:
    run = record(end={"state": "failed", "error": "ValueError: no", "traceback": "Traceback ..."})
    assert (run.state, run.error, run.traceback, run.over) == ("failed", "ValueError: no", "Traceback ...", True)


def test_a_run_in_progress_grows(config: object, workspace: Path) -> None:
    path = log.setup(config, snapshot=False, capture_output=False)  # type: ignore[arg-type]
    log.log_value("loss", 1.0)
    run = Run(path)
    assert run.state == "running"
    assert run.values("loss")["value"].tolist() == [1.0]
    log.log_value("new", 5.0)
    log.log_value("loss", 2.0)
    assert run.values("loss")["value"].tolist() == [1.0, 2.0]
    assert run.values("new")["value"].tolist() == [5.0]
    assert run.last("loss") == 2.0
    log.finish()
    assert run.state == "running"  # as when first looked at
    run.reload()
    assert run.state == "finished"


def test_a_run_that_fell_silent_is_stale(config: object, workspace: Path) -> None:
    folder = RunFolder(workspace / "e" / "r")
    folder.streams.mkdir(parents=True)
    folder.info.write_text(json.dumps({"created": time.time() - 1000}))
    assert Run(folder.path).state == "stale"
    events = folder.streams / "w.jsonl"
    events.write_text(json.dumps({"type": "heartbeat", "time": time.time() - 40}) + "\n")
    assert Run(folder.path).state == "stale"
    events.write_text(json.dumps({"type": "heartbeat", "time": time.time() - 10}) + "\n")
    assert Run(folder.path).state == "running"


def test_several_writers_are_one_series(record: Record) -> None:
    run = record({"loss": [1.0, 2.0]})
    writer = RecordWriter(run.folder, lambda what, error: pytest.fail(what))
    writer.scalar("other", 9.0, 0, False)  # the same metric has another id here
    writer.scalar("loss", 3.0, 1, False)
    writer.close()
    run.reload()
    assert run.values("loss")["value"].tolist() == [1.0, 2.0, 3.0]
    assert run.last("loss") == 3.0
    assert run.all_values()["other"]["value"].tolist() == [9.0]


def test_a_large_stream_is_read_metric_by_metric(record: Record) -> None:
    run = record()
    records = np.zeros(80_000, scalars.RECORD)
    records["metric"], records["step"] = np.tile([0, 1], 40_000), np.repeat(np.arange(40_000), 2)
    total = records.view("<u4").reshape(-1, 8).sum(axis=1, dtype=np.uint64) % np.uint64(2**32 - 1)
    records["check"] = (0xA11AB - total.astype(np.int64)) % (2**32 - 1)
    records.tofile(run.folder.streams / "w.scalars")
    names = [{"type": "metric", "time": 1, "id": i, "name": name} for i, name in enumerate(["a", "b"])]
    (run.folder.streams / "w.jsonl").write_text("".join(json.dumps(event) + "\n" for event in names))
    run.reload()
    assert run.values("b")["step"].tolist() == list(range(40_000))
    assert {name: len(values) for name, values in run.all_values().items()} == {"a": 40_000, "b": 40_000}


def test_a_metric_that_was_named_and_never_logged(record: Record) -> None:
    run = record()
    (run.folder.streams / "w.jsonl").write_text('{"type": "metric", "time": 1, "id": 0, "name": "a"}\n')
    (run.folder.streams / "w.scalars").write_bytes(b"")
    run.reload()
    assert len(run.values("a")) == 0
    assert math.isnan(run.last("a"))


def test_tags_and_notes_get_files_of_their_own(record: Record) -> None:
    run = record({"loss": [1.0]})
    before = {path.name: path.read_bytes() for path in run.folder.streams.iterdir()}
    run.set_tags(["paper", "baseline", "paper"])
    run.set_notes("good\nvery")
    assert (run.tags, run.notes) == (["paper", "baseline"], "good\nvery")
    again = Run(run.path)
    assert (again.tags, again.notes, again.state) == (["paper", "baseline"], "good\nvery", "finished")
    run.set_tags([])
    assert run.tags == []
    for name, content in before.items():
        assert (run.folder.streams / name).read_bytes() == content


@pytest.mark.parametrize("tags", ["paper", [""], [" a"], ["a\nb"], ["x" * 101], [3], ["a,b"], 3])
def test_tags_that_are_none(record: Record, tags: object) -> None:
    run = record()
    before = os.listdir(run.folder.streams)
    with pytest.raises((TypeError, ValueError), match="tag"):
        run.set_tags(tags)  # type: ignore[arg-type]
    assert os.listdir(run.folder.streams) == before


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no run\.json"):
        Run(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no run's folder at"):
        Run(tmp_path / "none")


def test_what_cannot_be_read_is_a_problem_and_no_error(record: Record) -> None:
    run = record({"loss": [1.0]})
    run.folder.config.write_text("{")
    events = next(run.folder.streams.glob("*.jsonl"))
    events.write_text(events.read_text() + "nonsense\n")
    run.reload()
    assert run.config == {}
    assert run.values("loss")["value"].tolist() == [1.0]
    assert [problem.partition(" ")[0] for problem in run.problems] == ["config.json", f"streams/{events.name}:"]


def test_an_edit_counts_although_the_clock_of_the_one_before_was_ahead(record: Record) -> None:
    run = record()
    for type, content in (("tags", '"tags": ["old"]'), ("notes", '"text": "old"')):
        line = f'{{"type": "{type}", "time": 4000000000.0, {content}}}\n'
        (run.path / "streams" / f"{type}.jsonl").write_text(line)
    run.reload()
    assert (run.tags, run.notes) == (["old"], "old")
    run.set_tags(["new"])
    run.set_notes("new")
    assert (run.tags, run.notes) == (["new"], "new")
    assert (Run(run.path).tags, Run(run.path).notes) == (["new"], "new")


def test_an_edit_is_not_written_through_a_link(record: Record, tmp_path: Path) -> None:
    run = record()
    run.folder.streams.rename(tmp_path / "elsewhere")
    before = sorted((tmp_path / "elsewhere").iterdir())
    run.folder.streams.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="link"):
        run.set_tags(["x"])
    assert sorted((tmp_path / "elsewhere").iterdir()) == before
