"""Following a pair of stream files piece by piece."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ailab.experiment.record import scalars, tail
from ailab.experiment.record.tail import StreamTail


def write(folder: Path, records: list[tuple[int, int, float, float]], names: dict[int, str]) -> None:
    events = [{"type": "metric", "time": 1.0, "id": id, "name": name} for id, name in names.items()]
    (folder / "w.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    (folder / "w.scalars").write_bytes(b"".join(scalars.pack(*record) for record in records))


def read(follower: StreamTail) -> list[tuple[int, int, float]]:
    follower.fetch()
    for event in follower.events():
        follower.names[event["id"]] = event["name"]
    return [(id, int(r["step"]), float(r["value"])) for id, found in follower.records() for r in found]


@pytest.mark.parametrize("at_once", [32, 33, 100, 1 << 20])
def test_pieces_give_what_the_whole_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(tail, "_RECORDS_AT_ONCE", at_once)
    records = [(number % 3, number, float(number), -float(number)) for number in range(50)]
    write(tmp_path, records, {0: "a", 1: "b", 2: "c"})
    follower = StreamTail(tmp_path, "w")
    found = read(follower)
    assert sorted(found) == sorted((metric, step, value) for metric, step, _, value in records)
    for metric in range(3):
        steps = [step for id, step, _ in found if id == metric]
        assert steps == sorted(steps)
    assert (follower.scalars_read, follower.damaged, follower.grew) == (50 * 32, False, True)
    assert read(follower) == []
    assert not follower.grew


@pytest.mark.parametrize("ids", [[0], [3, 0], list(range(40)), [0, 4_095], [0, 4_096, 2**32 - 1]])
@pytest.mark.parametrize("count", [1, 50, 5_000])
def test_each_metric_gets_its_own_records_in_order(tmp_path: Path, ids: list[int], count: int) -> None:
    records = [(ids[number * 7 % len(ids)], number, float(number), -float(number)) for number in range(count)]
    write(tmp_path, records, {id: str(id) for id in ids})
    found: dict[int, list[int]] = {}
    for id, step, value in read(StreamTail(tmp_path, "w")):
        found.setdefault(id, []).append(step)
        assert value == -step
    assert found == {id: steps for id in ids if (steps := [step for one, step, _, _ in records if one == id])}


def test_what_the_files_were_when_they_were_opened(tmp_path: Path) -> None:
    follower = StreamTail(tmp_path, "w")
    follower.fetch()
    assert follower.opened == (None, None)
    write(tmp_path, [(0, 1, 1.0, 1.0)], {0: "a"})
    follower.fetch()
    assert [found and found.st_ino for found in follower.opened] == [
        (tmp_path / name).stat().st_ino for name in ("w.scalars", "w.jsonl")
    ]


@pytest.mark.parametrize("at_once", [32, 96, 1 << 20])
@pytest.mark.parametrize("bad", [0, 1, 7, 19])
def test_reading_stops_at_the_first_bad_record_and_goes_on_once_it_is_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int, bad: int
) -> None:
    monkeypatch.setattr(tail, "_RECORDS_AT_ONCE", at_once)
    write(tmp_path, [(0, number, 1.0, 1.0) for number in range(20)], {0: "a"})
    file = tmp_path / "w.scalars"
    good = file.read_bytes()
    damaged = bytearray(good)
    damaged[bad * 32 + 20] ^= 1
    file.write_bytes(damaged)
    follower = StreamTail(tmp_path, "w")
    assert [step for _, step, _ in read(follower)] == list(range(bad))
    assert follower.damaged
    file.write_bytes(good)
    assert [step for _, step, _ in read(follower)] == list(range(bad, 20))
    assert not follower.damaged


def test_a_record_whose_metric_has_no_name_yet_waits(tmp_path: Path) -> None:
    write(tmp_path, [(0, 0, 1.0, 1.0), (9, 0, 1.0, 1.0), (0, 1, 1.0, 1.0)], {0: "a"})
    follower = StreamTail(tmp_path, "w")
    assert read(follower) == [(0, 0, 1.0)]
    with (tmp_path / "w.jsonl").open("a") as file:
        file.write(json.dumps({"type": "metric", "time": 1.0, "id": 9, "name": "b"}) + "\n")
    assert sorted(read(follower)) == [(0, 1, 1.0), (9, 0, 1.0)]


def test_records_of_one_metric_are_not_copied(tmp_path: Path) -> None:
    write(tmp_path, [(0, number, 1.0, 1.0) for number in range(20)], {0: "a"})
    follower = StreamTail(tmp_path, "w")
    follower.fetch()
    follower.names = {0: "a"}
    ((_, records),) = follower.records()
    assert isinstance(records, np.ndarray)
    assert not records.flags.owndata
