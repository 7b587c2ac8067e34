"""``ailab.experiment.start`` and everything its run can log."""

from __future__ import annotations

import csv
import json
import logging
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ailab.experiment
import ailab.experiment.logging as log
from ailab.experiment import Config
from ailab.experiment.record import RunReader
from ailab.experiment.run import ActiveRun


def read(path: Path) -> RunReader:
    reader = RunReader(path)
    reader.poll()
    return reader


def events(path: Path, type: str) -> list[dict[str, Any]]:
    lines = [line for file in sorted((path / "streams").glob("*.jsonl")) for line in file.read_text().splitlines()]
    return [event for event in map(json.loads, lines) if event["type"] == type]


@pytest.fixture
def run(tmp_path: Path, config: Config) -> Iterator[ActiveRun]:
    with ailab.experiment.start(config, workspace=tmp_path / "ws", snapshot=False, capture_output=False) as run:
        yield run


def test_a_block_is_a_run(tmp_path: Path, config: Config) -> None:
    with ailab.experiment.start(config, workspace=tmp_path, snapshot=False) as run:
        run.log({"train/loss": 0.5, "train": {"acc": np.float32(0.25), "deep": {"er": 3}}}, step=7)
        run.log({"train/loss": 0.25, "train": {"acc": 1.0}}, step=3)
        log.log_value("train/loss", 2.0, step=5)
        assert log.current_run() is run
    found = read(run.path)
    assert found.state == "finished"
    assert set(found.metrics) == {"train/loss", "train/acc", "train/deep/er"}
    assert found.values("train/loss")["step"].tolist() == [3, 5, 7]
    assert found.values("train/loss")["value"].tolist() == [0.25, 2.0, 0.5]
    assert found.values("train/acc")["value"].tolist() == [1.0, 0.25]
    with pytest.raises(RuntimeError, match="is finished: nothing can be logged"):
        run.log_value("train/loss", 1.0)


def test_how_a_block_ends(tmp_path: Path, make_config: Callable[[], Config]) -> None:
    for error, state, line in [
        (ValueError("diverged"), "failed", "ValueError: diverged"),
        (KeyboardInterrupt(), "killed", "interrupted with Ctrl-C"),
        (SystemExit(3), "failed", "sys.exit(3)"),
        (SystemExit(0), "finished", None),
    ]:
        with pytest.raises(type(error)):  # noqa: SIM117
            with ailab.experiment.start(make_config(), workspace=tmp_path, snapshot=False) as run:
                raise error
        found = read(run.path)
        assert (found.state, found.error) == (state, line)
        assert (found.traceback is not None) == isinstance(error, ValueError)


def test_the_fast_way_and_the_slow_one_write_the_same(run: ActiveRun) -> None:
    for values in ({"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0}, {"b": 5.0}, {"a": 6, "b": 7.0}):
        run.log(values)
    run.log({"a": -1.0, "b": 1e300}, step=-(2**63))
    run.log({}, step=1)
    run.finish()
    found = read(run.path)
    assert found.values("a")["value"].tolist() == [-1.0, 1.0, 3.0, 6.0]
    assert found.values("a")["step"].tolist() == [-(2**63), 0, 1, 2]
    assert found.values("b")["step"].tolist() == [-(2**63), 0, 1, 2, 3]
    assert not found.damaged


def test_a_step_given_moves_the_next(run: ActiveRun) -> None:
    for step in (None, 10, None):
        run.log({"a": 1.0}, step=step)
    run.log_value("a", 1.0)
    run.finish()
    assert read(run.path).values("a")["step"].tolist() == [0, 10, 11, 12]


@pytest.mark.parametrize(
    ("values", "step", "error"),
    [
        ({"a": "high"}, None, "a must be a number"),
        ({"../a": 1.0}, None, "must be a name such as"),
        ({3: 1.0}, None, "names in values must be strings"),
        ([("a", 1.0)], None, "values must be a dict"),
        ({"a": 1.0}, 1.5, "step must be an integer"),
        ({"a": 1.0}, 2**63, "step must fit 64 signed bits"),
    ],
)
def test_bad_values_log_nothing(run: ActiveRun, values: Any, step: Any, error: str) -> None:
    run.log({"a": 1.0})
    with pytest.raises((TypeError, ValueError), match=error):
        run.log({"a": 2.0, **values} if isinstance(values, dict) else values, step=step)
    run.log({"a": 3.0})
    run.finish()
    assert read(run.path).values("a")["value"].tolist() == [1.0, 3.0]


def test_nan_is_kept_and_flagged_once(run: ActiveRun, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "ailab"):
        for value in (1.0, math.nan, math.inf, 2.0):
            log.log_value("loss", value)
        run.log({"loss": math.nan, "other": -math.inf}, step=9)
    run.finish()
    assert [record.message.partition(": ")[2].partition(";")[0] for record in caplog.records] == [
        "loss is nan at step 1",
        "other is -inf at step 9",
    ]
    assert np.array_equal(read(run.path).values("loss")["value"], [1, math.nan, math.inf, 2, math.nan], equal_nan=True)
    flags = [(e["name"], e["step"], e["value"]) for e in events(run.path, "nonfinite")]
    assert flags == [("loss", 1, "nan"), ("other", 9, "-inf")]


def test_threads_lose_nothing(run: ActiveRun) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def work(thread: int) -> None:
        for i in range(2000):
            log.log_value("shared", float(i), step=thread * 2000 + i)
            run.log({f"own/{thread}": float(i), "both": 1.0}, step=i)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    run.finish()
    found = read(run.path)
    assert found.values("shared")["step"].tolist() == list(range(16000))
    assert found.metrics["both"].count == 16000
    assert all(found.metrics[f"own/{i}"].count == 2000 for i in range(8))
    assert not found.damaged


def test_an_image_may_be_changed_at_once(run: ActiveRun) -> None:
    data = np.zeros((64, 64, 3), np.uint8)
    picture = Image.new("RGBA", (4, 4), (1, 2, 3, 4))
    for level in range(20):
        data[:] = level
        run.log_image("a", data, caption=f"level {level}")
    run.log_image("p", picture)
    picture.putpixel((0, 0), (9, 9, 9, 9))
    run.log_image("cmyk", Image.new("CMYK", (2, 2)))
    run.finish()
    for level in range(20):
        assert np.all(np.asarray(Image.open(run.path / f"images/a@{level}.png")) == level)
    assert Image.open(run.path / "images/p.png").getpixel((0, 0)) == (1, 2, 3, 4)
    assert [e["caption"] for e in events(run.path, "image")[:20]] == [f"level {i}" for i in range(20)]
    with pytest.raises(TypeError, match="caption must be a string"):
        run.log_image("a", data, caption=3)  # type: ignore[arg-type]


def test_texts(run: ActiveRun) -> None:
    run.log_text("samples/1", "Grüße\n", step=3)
    run.log_text("samples/1", "x" * 20_000)
    run.finish()
    short, long = events(run.path, "text")
    assert (short["name"], short["step"], short["text"]) == ("samples/1", 3, "Grüße\n")
    assert (long["step"], long["characters"], len(long["text"])) == (4, 20_000, 200)
    assert (run.path / "texts" / long["file"]).read_text() == "x" * 20_000


@pytest.mark.parametrize(
    ("data", "columns", "expected"),
    [
        ({"a": [1, 2], "b": ["x", "y,z"]}, None, [["a", "b"], ["1", "x"], ["2", "y,z"]]),
        ([{"a": 1}, {"b": 2}], None, [["a", "b"], ["1", ""], ["", "2"]]),
        ([[1, 2], (3, 4)], ["u", "v"], [["u", "v"], ["1", "2"], ["3", "4"]]),
        (np.arange(4).reshape(2, 2), None, [["column 0", "column 1"], ["0", "1"], ["2", "3"]]),
        ({"a": [1], "b": [2]}, ["b"], [["b"], ["2"]]),
    ],
)
def test_tables(run: ActiveRun, data: Any, columns: list[str] | None, expected: list[list[str]]) -> None:
    run.log_table("t", data, columns=columns)
    run.finish()
    (event,) = events(run.path, "table")
    with (run.path / "tables" / event["file"]).open(newline="") as file:
        assert list(csv.reader(file)) == expected
    assert (event["columns"], event["rows"], event["step"]) == (expected[0], len(expected) - 1, 0)


@pytest.mark.parametrize(
    ("data", "columns", "error"),
    [
        ("text", None, "data must be a dict of columns"),
        ({"a": [1], "b": [1, 2]}, None, "must have one length"),
        ([[1], [2, 3]], None, "must have one length"),
        ([3], None, "each row of data must be"),
        ({"a": [1]}, ["z"], r"columns must be among \['a'\]"),
    ],
)
def test_what_is_no_table(run: ActiveRun, data: Any, columns: list[str] | None, error: str) -> None:
    with pytest.raises((TypeError, ValueError), match=error):
        run.log_table("t", data, columns=columns)


def test_histograms(run: ActiveRun) -> None:
    values = np.array([[0.0, 1.0], [1.0, np.nan]])
    run.log_histogram("weights/a", values, bins=2, step=4)
    values[:] = 9
    run.log_histogram("weights/a", [], bins=3)
    run.log_histogram("weights/a", [-1.7e308, 1.7e308], bins=2)
    run.finish()
    first, empty, wide = events(run.path, "histogram")
    assert (first["edges"], first["counts"], first["nonfinite"], first["step"]) == ([0, 0.5, 1], [1, 2], 1, 4)
    assert (empty["counts"], empty["step"]) == ([0, 0, 0], 5)
    assert wide["counts"] == [1, 1]
    for values, bins, error in [("x", 3, "must be numbers"), ([1], 0, "bins must be an integer from 1")]:
        with pytest.raises((TypeError, ValueError), match=error):
            run.log_histogram("a", values, bins=bins)


def test_files(run: ActiveRun, tmp_path: Path) -> None:
    source = tmp_path / "model.bin"
    source.write_bytes(b"weights")
    run.log_file(source)
    source.unlink()
    with pytest.raises(ValueError, match="path must be that of a file"):
        run.log_file(source)
    run.finish()
    (event,) = events(run.path, "file")
    assert (event["name"], event["file"], event["size"]) == ("model.bin", "model@0.bin", 7)
    assert (run.path / "files/model@0.bin").read_bytes() == b"weights"


def test_names_tags_and_notes(tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AILAB_NAME", "the big one")
    monkeypatch.setenv("AILAB_TAGS", "sweep, night,")
    with ailab.experiment.start(config, workspace=tmp_path, tags=["a"], snapshot=False) as run:
        assert (run.name, run.tags) == ("the big one", ("a", "sweep", "night"))
        run.tags = [*run.tags, "good"]
        run.notes = "as the last, with more data"
    assert read(run.path).info["name"] == "the big one"
    assert [e["tags"] for e in events(run.path, "tags")] == [["a", "sweep", "night"], ["a", "sweep", "night", "good"]]
    assert [e["text"] for e in events(run.path, "notes")] == ["as the last, with more data"]
    for tags in ("word", [1], ["a,b"], [""], ["x" * 101]):
        with pytest.raises((TypeError, ValueError)):
            run.tags = tags  # type: ignore[assignment]


def test_disabled_writes_nothing_and_checks_everything(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AILAB_MODE", "disabled")
    path = log.setup(config=config, workspace=tmp_path / "ws")
    run = log.current_run()
    (path / "checkpoints" / "model").write_text("a training may put its own there")
    log.log_value("loss", 1.0)
    run.log({"loss": math.nan, "acc": 1})
    log.log_image("a", np.zeros((2, 2, 3)))
    log.log_text("t", "x" * 99_999)
    log.log_table("t", {"a": [1]})
    log.log_histogram("h", [1, 2])
    log.update_progress(0.5)
    assert list(log.progress([1, 2])) == [1, 2]
    run.tags = ["a"]
    bad: list[Callable[[], object]] = [
        lambda: log.log_value("loss", "high"),
        lambda: log.log_value("../loss", 1.0),
        lambda: log.log_image("a/b", np.zeros((2, 2, 3))),
        lambda: log.log_image("a", np.zeros((2, 2))),
        lambda: log.update_progress(2),
        lambda: log.log_table("t", 3),
        lambda: log.log_histogram("h", "x"),
        lambda: log.log_text("t", 3),  # type: ignore[arg-type]
    ]
    for call in bad:
        with pytest.raises((TypeError, ValueError)):
            call()
    log.finish()
    assert not path.exists()
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("AILAB_MODE", "offline")
    with pytest.raises(ValueError, match="AILAB_MODE must be 'online' or 'disabled', got 'offline'"):
        log.setup(config=config)


def test_a_resumed_run_goes_on(
    tmp_path: Path, make_config: Callable[[], Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ailab.experiment.start(
        make_config(), workspace=tmp_path, snapshot=False, tags=["a"], notes="first's"
    ) as first:
        print("first")
        first.log({"loss": 1.0})
        first.log({"loss": 2.0})
        first.log_image("i", np.zeros((1, 1, 3), np.uint8))
    before = (first.path / "config.json").read_bytes()
    monkeypatch.setenv("AILAB_RUN_ID", first.id)
    config = make_config()
    config.train.epochs = 99
    with ailab.experiment.start(config, workspace=tmp_path, snapshot=False) as second:
        print("second")
        assert read(second.path).state == "running"
        second.log({"loss": 3.0})
        log.log_value("new", 1.0)
        second.log_image("i", np.zeros((1, 1, 3), np.uint8))
    assert second.path == first.path
    found = read(first.path)
    assert (found.state, found.damaged) == ("finished", False)
    assert found.values("loss")["step"].tolist() == [0, 1, 2]
    assert found.values("loss")["value"].tolist() == [1.0, 2.0, 3.0]
    assert sorted((image.time, image.step) for image in found.images)[1][1] == 1
    assert (len(found.info["segments"]), second.tags, second.notes) == (2, ("a",), "first's")
    assert len(list((first.path / "streams").glob("*.scalars"))) == 2
    assert (first.path / "output.log").read_text() == "first\nsecond\n"
    assert (first.path / "config.json").read_bytes() == before
    assert json.loads((first.path / "config.2.json").read_text())["train"]["epochs"] == 99


def test_a_run_id_that_is_new_makes_the_run(tmp_path: Path, config: Config) -> None:
    with ailab.experiment.start(config, workspace=tmp_path, snapshot=False, run_id="mine") as run:
        run.log({"a": 1.0})
    assert run.path == tmp_path / "SmallConfig" / "mine"
    assert read(run.path).info["segments"][0]["pid"] == os.getpid()


def test_a_run_that_another_process_writes_is_not_resumed(tmp_path: Path, make_config: Callable[[], Config]) -> None:
    script = """
import sys, signal
import ailab.experiment
from ailab.experiment import Config
config = Config()
config.train.experiment_name = "SmallConfig"
for name in ("model", "loss", "metrics", "prepare"):
    setattr(config.arch, name, print)
ailab.experiment.start(config, workspace=sys.argv[1], run_id="r", snapshot=False, capture_output=False)
print("ready", flush=True)
signal.pause()
"""
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        with pytest.raises(ValueError, match=f"still being written by process {child.pid}"):
            ailab.experiment.start(make_config(), workspace=tmp_path, run_id="r", snapshot=False)
    finally:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()
    with ailab.experiment.start(make_config(), workspace=tmp_path, run_id="r", snapshot=False) as run:
        run.log({"a": 1.0})
    assert read(run.path).state == "finished"


def test_ranks_that_share_an_id_are_one_run(
    tmp_path: Path, make_config: Callable[[], Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ailab.experiment.start(make_config(), workspace=tmp_path, run_id="r", snapshot=False) as leader:
        leader.log({"loss": 1.0})
    info = (leader.path / "run.json").read_bytes()
    monkeypatch.setenv("RANK", "1")
    with ailab.experiment.start(make_config(), workspace=tmp_path, run_id="r") as other:
        other.log({"rank1/loss": 2.0})
        assert read(leader.path).state == "finished"  # a rank that only logs does not say how the run stands
    found = read(leader.path)
    assert set(found.metrics) == {"loss", "rank1/loss"}
    assert (leader.path / "run.json").read_bytes() == info
    assert not (leader.path / "src.json").exists()


def test_loops_drive_the_progress(run: ActiveRun, monkeypatch: pytest.MonkeyPatch) -> None:
    from ailab.experiment import progress

    monkeypatch.setattr(progress, "_REPORT_SECONDS", -1.0)
    seen: list[float] = []
    update = run.update_progress
    monkeypatch.setattr(run._loops, "_report", lambda value: (seen.append(value), update(value)))
    for epoch in log.progress(range(2)):
        for _ in log.progress(iter("abcd"), total=4):
            if epoch == 1:
                break
    assert seen == [0.125, 0.25, 0.375, 0.5, 0.5, 1.0, 1.0]
    assert list(log.progress(x for x in "ab")) == ["a", "b"]
    with pytest.raises(ZeroDivisionError):
        for _ in log.progress([1, 2]):
            _ = 1 / 0
    with pytest.raises(TypeError, match="items must be something to iterate over"):
        log.progress(3)  # type: ignore[arg-type]
    assert len(log.progress([1, 2, 3])) == 3
    run.finish()
    assert read(run.path).progress == 1.0


def test_the_machine_is_watched(tmp_path: Path, config: Config) -> None:
    with ailab.experiment.start(config, workspace=tmp_path, snapshot=False, system_seconds=0.05) as run:
        reader = RunReader(run.path)
        while reader.metrics.get("system/cpu_process") is None or reader.metrics["system/memory_process"].count < 3:
            reader.poll()
            sum(range(10_000))
    found = read(run.path)
    assert 0 <= found.metrics["system/cpu"].last <= 100
    assert 0.01 < found.metrics["system/memory_process"].last < 100
    assert found.metrics["system/disk_free"].last > 0
    assert len(list((run.path / "streams").glob("*.scalars"))) == 2  # a writer of its own
    for seconds in (0, -1, "often"):
        with pytest.raises((TypeError, ValueError), match="system_seconds must be"):
            ailab.experiment.start(config, workspace=tmp_path, system_seconds=seconds)  # type: ignore[arg-type]


def test_what_git_does_not_know_yet_is_kept(
    tmp_path: Path, make_config: Callable[[], Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    git = ["git", "-C", str(code), "-c", "user.name=n", "-c", "user.email=e@example.org"]
    (code / "train.py").write_text("x = 1\n")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], check=True, capture_output=True, timeout=60)
    monkeypatch.chdir(code)
    with ailab.experiment.start(make_config(), workspace=tmp_path / "ws") as clean:
        pass
    assert read(clean.path).info["git"]["dirty"] is False
    assert not (clean.path / "diff.patch").exists()
    (code / "train.py").write_text("x = 2\n")
    with ailab.experiment.start(make_config(), workspace=tmp_path / "ws") as dirty:
        pass
    state = read(dirty.path).info["git"]
    assert (state["dirty"], state["diff"], len(state["commit"])) == (True, "diff.patch", 40)
    assert "+x = 2\n" in (dirty.path / "diff.patch").read_text()
    assert (dirty.path / "src/train.py").read_text() == "x = 2\n"
    # The same code is in the workspace once.
    with ailab.experiment.start(make_config(), workspace=tmp_path / "ws") as again:
        pass
    assert (again.path / "src/train.py").samefile(dirty.path / "src/train.py")


def test_what_changed_inside_a_frozen_config_is_told(
    tmp_path: Path, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    config.train.model = object()  # whose text tells where it lies: no change
    config.train.objects = [object()]
    config.train.sizes = {"a": (1, 2)}
    with ailab.experiment.start(config, workspace=tmp_path, snapshot=False, capture_output=False) as run:
        with pytest.raises(RuntimeError, match="cannot delete sizes: the Config is frozen"):
            del config.train.sizes
        config.arch.metrics.append("recall")
    (warning,) = read(run.path).warnings
    assert warning == "changed since the run began, and not in its config.json: arch.metrics"
    assert warning in caplog.text
