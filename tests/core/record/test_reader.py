from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ailab.experiment.edits import write_edit
from ailab.experiment.record import RecordWriter, RunFolder, RunReader, create_run_folder
from ailab.experiment.record.reader import STALE_SECONDS


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = create_run_folder(tmp_path, "exp")
    folder.info.write_text(json.dumps({"schema": 1, "created": 1000.0}))
    folder.config.write_text('{"train": {"batch_size": 4}}')
    return folder


@pytest.fixture
def writer(folder: RunFolder) -> Iterator[RecordWriter]:
    writer = RecordWriter(folder, lambda what, error: pytest.fail(f"{what}: {error}"))
    writer.event("status", state="running")
    yield writer
    writer.close()


def scalars_of(folder: RunFolder) -> Path:
    return next(folder.streams.glob("*.scalars"))


def test_values_come_back(folder: RunFolder, writer: RecordWriter) -> None:
    reader = RunReader(folder.path)
    for i in range(5):
        writer.scalar("loss", 1 / (i + 1), None, True)
        writer.scalar("acc", i, 10 * i, False)
    assert reader.poll()
    assert reader.state == "running"
    assert (reader.created, reader.config) == (1000.0, {"train": {"batch_size": 4}})
    assert reader.values("loss")["value"].tolist() == [1 / (i + 1) for i in range(5)]
    assert reader.values("loss")["step"].tolist() == [0, 1, 2, 3, 4]
    assert reader.values("acc")["step"].tolist() == [0, 10, 20, 30, 40]
    primary = reader.primary()
    assert primary is not None and (primary.name, primary.count, primary.last, primary.last_step) == ("loss", 5, 0.2, 4)
    assert reader.metrics["acc"].last == 4
    assert reader.spark("loss") == ([0, 1, 2, 3, 4], [1 / (i + 1) for i in range(5)])


def test_polling_again_reads_only_what_is_new(folder: RunFolder, writer: RecordWriter) -> None:
    reader = RunReader(folder.path)
    writer.scalar("loss", 1.0, None, True)
    assert reader.poll()
    assert not reader.poll()
    writer.scalar("loss", 2.0, None, True)
    writer.scalar("new", 3.0, None, False)
    assert reader.poll()
    assert reader.metrics["loss"].count == 2
    assert reader.metrics["new"].count == 1


def test_nan_and_infinity_are_kept(folder: RunFolder, writer: RecordWriter) -> None:
    for value in (math.nan, math.inf, -math.inf):
        writer.scalar("loss", value, None, True)
    reader = RunReader(folder.path)
    reader.poll()
    assert np.array_equal(reader.values("loss")["value"], [math.nan, math.inf, -math.inf], equal_nan=True)


def test_steps_in_any_order_come_back_sorted(folder: RunFolder, writer: RecordWriter) -> None:
    for step in (3, 1, 2):
        writer.scalar("loss", float(step), step, False)
    reader = RunReader(folder.path)
    reader.poll()
    assert reader.values("loss")["step"].tolist() == [1, 2, 3]
    assert reader.metrics["loss"].last_step == 2


def test_several_writers_are_one_run(folder: RunFolder, writer: RecordWriter) -> None:
    other = RecordWriter(folder, lambda *_: None)
    # The same id stands for different metrics in the two files.
    writer.scalar("loss", 1.0, 0, True)
    other.scalar("rank1/loss", 5.0, 0, False)
    other.scalar("loss", 2.0, 1, True)
    other.close()
    reader = RunReader(folder.path)
    reader.poll()
    assert reader.values("loss")["value"].tolist() == [1.0, 2.0]
    assert reader.values("rank1/loss")["value"].tolist() == [5.0]


def test_a_metric_may_become_primary_later(folder: RunFolder, writer: RecordWriter) -> None:
    writer.scalar("late", 1.0, None, False)
    writer.scalar("late", 2.0, None, True)
    reader = RunReader(folder.path)
    reader.poll()
    primary = reader.primary()
    assert primary is not None and (primary.name, primary.count) == ("late", 2)


def test_of_several_writers_the_latest_progress_counts(folder: RunFolder, writer: RecordWriter) -> None:
    others = [RecordWriter(folder, lambda *_: None) for _ in range(4)]
    for i, other in enumerate([*others, writer]):
        other.event("progress", value=0.9 - i / 10)
        other.scalar("loss", float(i), 10 - i, True)
    for other in others:
        other.close()
    reader = RunReader(folder.path)
    reader.poll()
    assert reader.progress == pytest.approx(0.5)
    assert reader.spark("loss")[0] == [6, 7, 8, 9, 10]


def test_an_unknown_metric(folder: RunFolder) -> None:
    with pytest.raises(KeyError):
        RunReader(folder.path).values("loss")


@pytest.mark.parametrize("tail", [b"\x01" * 31, bytes(64), b"\xff" * 32])
def test_a_bad_tail_is_not_there_yet(folder: RunFolder, writer: RecordWriter, tail: bytes) -> None:
    reader = RunReader(folder.path)
    writer.scalar("loss", 1.0, None, True)
    path = scalars_of(folder)
    good = path.read_bytes()
    path.write_bytes(good + tail)
    reader.poll()
    assert (reader.metrics["loss"].count, reader.damaged) == (1, False)
    path.write_bytes(good)
    writer.scalar("loss", 2.0, None, True)
    reader.poll()
    assert reader.values("loss")["value"].tolist() == [1.0, 2.0]
    assert path.stat().st_size == 64


def test_at_every_cut_the_reader_sees_a_beginning(folder: RunFolder, writer: RecordWriter) -> None:
    for i in range(4):
        writer.scalar("loss", float(i), None, True)
        writer.event("progress", value=i / 4)
    files = {path: path.read_bytes() for path in folder.streams.iterdir()}
    for path, data in files.items():
        for cut in range(len(data)):
            path.write_bytes(data[:cut])
            reader = RunReader(folder.path)
            reader.poll()
            if "loss" in reader.metrics:
                values = reader.values("loss")["value"].tolist()
                assert values == [float(i) for i in range(len(values))]
            path.write_bytes(data)
            reader.poll()
            assert reader.values("loss")["value"].tolist() == [0.0, 1.0, 2.0, 3.0]
            assert reader.progress == 0.75


def test_a_flip_of_any_byte_never_breaks_the_reader(folder: RunFolder, writer: RecordWriter) -> None:
    writer.scalar("loss", 1.0, None, True)
    writer.scalar("loss", 2.0, None, True)
    writer.event("image", name="a", step=0, file="a@0.png")
    for path in [*folder.streams.iterdir(), folder.info, folder.config]:
        data = path.read_bytes()
        for i in range(len(data)):
            path.write_bytes(data[:i] + bytes([data[i] ^ 0xFF]) + data[i + 1 :])
            reader = RunReader(folder.path)
            reader.poll()
            for name in reader.metrics:
                assert set(reader.values(name)["value"].tolist()) <= {1.0, 2.0}
        path.write_bytes(data)


def test_damage_shows_once_the_run_is_over(folder: RunFolder, writer: RecordWriter) -> None:
    writer.scalar("loss", 1.0, None, True)
    writer.scalar("loss", 2.0, None, True)
    writer.event("status", state="finished")
    path = scalars_of(folder)
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)
    reader = RunReader(folder.path)
    reader.poll()
    assert (reader.state, reader.damaged) == ("finished", True)
    assert reader.values("loss")["value"].tolist() == [1.0]


def test_unknown_events_and_fields_are_passed_over(folder: RunFolder, writer: RecordWriter) -> None:
    writer.event("from the future", x=[1])
    writer.event("progress", value=0.5, colour="red")
    writer.event("progress", value=7)
    reader = RunReader(folder.path)
    reader.poll()
    assert (reader.progress, reader.damaged) == (0.5, False)


def test_how_a_run_ended(folder: RunFolder, writer: RecordWriter) -> None:
    writer.event("status", state="failed", error="ValueError: x", traceback="Traceback ...")
    reader = RunReader(folder.path)
    reader.poll()
    assert (reader.state, reader.error, reader.traceback, reader.over) == (
        "failed",
        "ValueError: x",
        "Traceback ...",
        True,
    )
    assert reader.finished is not None


def test_a_silent_run_turns_stale_on_the_readers_own_clock(folder: RunFolder, writer: RecordWriter) -> None:
    now = 50.0
    reader = RunReader(folder.path, monotonic=lambda: now)
    reader.poll()
    assert reader.state == "running"
    now += STALE_SECONDS + 1
    assert reader.poll()
    assert reader.state == "stale"
    assert not reader.poll()
    writer.event("heartbeat")
    assert reader.poll()
    assert reader.state == "running"


def test_an_old_run_is_stale_at_first_sight(folder: RunFolder) -> None:
    long_ago = time.time() - 3600
    writer = RecordWriter(folder, lambda *_: None, clock=lambda: long_ago)
    writer.event("status", state="running")
    writer.close()
    reader = RunReader(folder.path)
    reader.poll()
    assert reader.state == "stale"


def test_a_long_series_has_a_short_spark(folder: RunFolder, writer: RecordWriter) -> None:
    reader = RunReader(folder.path)
    for i in range(1000):
        writer.scalar("loss", float(i), None, True)
        if i % 97 == 0:
            reader.poll()
    reader.poll()
    steps, values = reader.spark("loss")
    assert 20 <= len(steps) <= 60
    assert steps == [int(v) for v in values]
    assert (steps[0], steps[-1]) == (0, 999)


def test_a_vanished_run(folder: RunFolder) -> None:
    reader = RunReader(folder.path)
    for path in [folder.info, folder.config]:
        path.unlink()
    for part in folder.path.iterdir():
        part.rmdir()
    folder.path.rmdir()
    with pytest.raises(FileNotFoundError):
        reader.poll()


def test_numbers_beyond_any_range_are_passed_over(folder: RunFolder, writer: RecordWriter) -> None:
    writer.event("image", name="a", step=10**400, file="a@0.png", caption=["no"])
    writer.event("metric", id=10**400, name="loss", primary=True)
    with next(folder.streams.glob("*.jsonl")).open("a") as file:
        file.write('{"type": "progress", "value": 0.5, "time": 1' + "0" * 400 + "}\n")
    folder.info.write_text('{"created": 1' + "0" * 400 + "}")
    reader = RunReader(folder.path)
    reader.poll()
    assert (reader.images[0].step, reader.images[0].caption) == (None, None)
    assert (reader.metrics, reader.progress, reader.created) == ({}, None, None)


def test_streams_elsewhere_are_not_read(folder: RunFolder, writer: RecordWriter, tmp_path: Path) -> None:
    writer.scalar("loss", 1.0, None, True)
    folder.streams.rename(tmp_path / "elsewhere")
    folder.streams.symlink_to(tmp_path / "elsewhere")
    reader = RunReader(folder.path)
    reader.poll()
    assert reader.metrics == {}


def test_streams_that_are_no_files_are_passed_over(folder: RunFolder) -> None:
    os.mkfifo(folder.streams / "pipe.jsonl")
    (folder.streams / "link.jsonl").symlink_to("/dev/zero")
    assert RunReader(folder.path).poll()


def test_progress_is_written_ten_times_a_second_and_never_loses_the_last(folder: RunFolder) -> None:
    writer = RecordWriter(folder, lambda *_: None)
    for i in range(1000):
        writer.progress(i / 1001)
    writer.close()
    events = [json.loads(line) for line in next(folder.streams.glob("*.jsonl")).read_text().splitlines()]
    values = [event["value"] for event in events if event["type"] == "progress"]
    assert values[-1] == 999 / 1001
    assert len(values) < 100


def test_tags_and_notes_are_read_and_are_no_sign_of_life(folder: RunFolder, writer: RecordWriter) -> None:
    clock = [0.0]
    reader = RunReader(folder.path, monotonic=lambda: clock[0])
    reader.poll()
    clock[0] = 2 * STALE_SECONDS
    assert reader.poll()
    assert reader.state == "stale"
    write_edit(folder, "tags", tags=["a", "b"])
    write_edit(folder, "notes", text="good")
    assert reader.poll()
    assert (reader.tags, reader.notes, reader.state) == (["a", "b"], "good", "stale")
    assert not reader.poll()
    write_edit(folder, "tags", tags=["c"])
    reader.poll()
    assert reader.tags == ["c"]
    writer.event("warning", message="still here")
    reader.poll()
    assert (reader.state, reader.warnings) == ("running", ["still here"])


def test_a_clock_that_is_set_back_hides_nothing(folder: RunFolder) -> None:
    """A machine starts with a wrong date, and is set right while the run goes on."""
    now = [4e9]
    writer = RecordWriter(folder, lambda what, error: pytest.fail(what), clock=lambda: now[0])
    reader = RunReader(folder.path)
    writer.event("status", state="running")
    writer.scalar("loss", 1.0, None, True)
    writer.progress(0.25)
    assert reader.poll()
    now[0] = 1.7e9
    writer.scalar("loss", 2.0, None, True)
    writer.progress(1.0)
    writer.event("status", state="failed", error="boom")
    writer.close()
    assert reader.poll()
    assert (reader.state, reader.error, reader.progress) == ("failed", "boom", 1.0)
    assert (reader.metrics["loss"].last, reader.metrics["loss"].last_step) == (2.0, 1)
    assert reader.values("loss")["value"].tolist() == [1.0, 2.0]
    again = RunReader(folder.path)
    again.poll()
    assert (again.state, again.progress, again.metrics["loss"].last) == ("failed", 1.0, 2.0)


def test_of_two_writers_the_later_word_counts_whichever_is_read_first(folder: RunFolder) -> None:
    for name, when, state, value in (("b", 2000.0, "failed", 1.0), ("a", 3000.0, "finished", 2.0)):
        writer = RecordWriter(folder, lambda what, error: pytest.fail(what), clock=lambda when=when: when)  # type: ignore[misc]
        writer.scalar("loss", value, None, True)
        writer.event("status", state=state)
        writer.close()
        for file in folder.streams.glob(f"{writer.name}.*"):
            file.rename(folder.streams / f"{name}{file.suffix}")
    reader = RunReader(folder.path)
    reader.poll()
    assert (reader.state, reader.metrics["loss"].last) == ("finished", 2.0)
