from __future__ import annotations

import errno
import importlib.util
import json
import os
import pickle
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ailab.data import CachedDataset, Subset, TransformedDataset, rng, version_of
from ailab.data.batches import BatchLoader
from ailab.data.batches.whole import whole_reader
from ailab.data.cache import claim
from ailab.testing.samples import STRUCTURES, Made, assert_same

PROGRAM = Path(__file__).with_name("slow_dataset.py")
_spec = importlib.util.spec_from_file_location("slow_dataset", PROGRAM)
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
Noted: Any = _module.Noted


class Counted(Made):
    """Counts its readings."""

    def __init__(self, make: Any, length: int = 11, version: str = "1") -> None:
        super().__init__(make, length)
        self.version = version
        self.readings = 0

    def __getitem__(self, index: int) -> Any:
        self.readings += 1
        return super().__getitem__(index)


RAGGED = {
    "ragged": lambda i: ({"x": np.arange(i % 4, dtype=np.int16), "y": np.zeros((i, 2), ">f4")}, i),
    "ragged late": lambda i: (np.ones((2 + (i == 9), 3)), i),
    "empty": lambda i: (np.zeros((0, 3), np.uint8), np.zeros((2, 0))),
    "unicode": lambda i: ({"name": "äöü𝄞"[: i % 5], "list": ["a", "b" * (i + 1)]}, b"\x00x" * i),
    "dates": lambda i: (np.datetime64("2026-01-01") + i, 1j * i),
    "keys in any order": lambda i: ({"a": 1, "b": i} if i % 2 else {"b": i, "a": 1}, i),
}


@pytest.mark.parametrize("name", [*STRUCTURES, *RAGGED])
def test_batches_are_those_of_the_dataset(name: str, tmp_path: Path) -> None:
    dataset = Made({**STRUCTURES, **RAGGED}[name])
    if name == "random":
        dataset = Made(lambda i: (np.arange(4) + i, i))
    cached = CachedDataset(dataset, tmp_path)
    assert len(cached) == 11
    for indices in ([0], [3], [7, 7], [1, 5, 9]) if name in ("ragged", "ragged late") else ([1], [3, 1, 10, 3]):
        expected = _or_error(BatchLoader(dataset, 4), indices)
        actual = _or_error(BatchLoader(cached, 4), indices)
        if isinstance(expected, str):
            assert actual == expected
        else:
            assert_same(_sorted(actual), _sorted(expected))


def _or_error(loader: BatchLoader, indices: list[int]) -> Any:
    try:
        return loader.load(indices, 0)
    except ValueError as error:
        return str(error)


def _sorted(batch: Any) -> Any:
    features, labels = batch
    return (dict(sorted(features.items())) if isinstance(features, dict) else features), labels


def test_samples_are_read_once_and_kept(tmp_path: Path) -> None:
    dataset = Counted(STRUCTURES["dicts"])
    first = CachedDataset(dataset, tmp_path)
    assert dataset.readings <= 12
    list(BatchLoader(first, 4))
    assert dataset.readings <= 12
    again = Counted(STRUCTURES["dicts"])
    second = CachedDataset(again, tmp_path)
    assert_same(tuple(BatchLoader(second, 4)), tuple(BatchLoader(first, 4)))
    assert again.readings == 1
    assert (first.version, first.folder) == ("1", second.folder)


def test_what_makes_another_cache(tmp_path: Path) -> None:
    def folder(dataset: Any) -> Path:
        return CachedDataset(dataset, tmp_path).folder

    arrays = STRUCTURES["arrays"]
    same = folder(Counted(arrays))
    assert folder(Counted(arrays)) == same
    others = [
        Counted(arrays, version="2"),
        Counted(arrays, length=10),
        Made(arrays),
        Counted(lambda i: (np.full((2, 3), i, np.float64), i)),
        Counted(lambda i: ({"x": np.full((2, 3), i, np.float32)}, i)),
        Subset(Counted(arrays), range(11)),
    ]
    assert len({same, *map(folder, others)}) == 7


def test_whole_batches_are_offered_if_shapes_agree(tmp_path: Path) -> None:
    fixed = CachedDataset(Made(STRUCTURES["dicts"]), tmp_path)
    assert whole_reader(fixed) is not None
    features, labels = fixed.__getitems__(np.array([3, 0]))
    assert (features["scale"].tolist(), labels["odd"].tolist()) == ([1.5, 0], [True, False])
    assert features["scale"].flags.owndata
    for name in ("ragged", "unicode"):
        assert whole_reader(CachedDataset(Made(RAGGED[name]), tmp_path)) is None


def test_built_from_whole_batches_where_offered(tmp_path: Path) -> None:
    shapes = []

    def transformer(features: Any, labels: Any) -> Any:
        shapes.append(len(labels))
        return features, labels

    dataset = TransformedDataset(Made(STRUCTURES["arrays"], 300), batch_transformer=transformer)
    cached = CachedDataset(dataset, tmp_path)
    assert shapes == [1, 256, 44]
    assert [int(labels) for _, labels in cached] == list(range(300))


def test_a_sample_is_the_callers_own(tmp_path: Path) -> None:
    for name in ("arrays", "ragged"):
        cached = CachedDataset(Made({**STRUCTURES, **RAGGED}[name]), tmp_path)
        features, _ = cached[3]
        array = features["x"] if isinstance(features, dict) else features
        array[0] = 99
        again = cached[3][0]
        assert not np.array_equal(again["x"] if isinstance(again, dict) else again, array)
    with pytest.raises(IndexError, match="sample 11 does not exist"):
        cached[11]
    assert cached[-1][1] == 10


def test_random_numbers_are_those_of_seed_and_epoch_0(tmp_path: Path) -> None:
    dataset = Made(lambda i: (rng().random(), i))
    cached = CachedDataset(dataset, tmp_path)
    assert_same(BatchLoader(cached, 11, seed=5).load(range(11), 3), BatchLoader(dataset, 11).load(range(11), 0))


def test_pickled_it_maps_the_files_anew(tmp_path: Path) -> None:
    cached = CachedDataset(Versioned([(1.5, 2)] * 1000), tmp_path)
    data = pickle.dumps(cached)
    assert b"_leaves" not in data
    copy = pickle.loads(data)  # noqa: S301 - made in this test
    assert copy[999] == (1.5, 2)


class Versioned(list[Any]):
    version = "1"


@pytest.mark.parametrize(
    ("dataset", "message"),
    [(Versioned(), "is empty: its len is 0"), ([(1, 2)], "has no version, which a cache is found by")],
)
def test_what_cannot_be_cached_is_refused(dataset: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        CachedDataset(dataset, tmp_path)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda i: (1.5 if i == 4 else 1, 0), TypeError, r"\[0\] is float32 .* in sample 4 but int64 .* in sample 0"),
        (lambda i: (np.zeros((1,) * (1 + i // 4)), 0), TypeError, r"2 axes in sample 4 but float64 with 1"),
        (lambda i: ({"a": 1} if i < 4 else {"b": 1}, 0), ValueError, r"sample 4 has .*'b'.* but sample 0 .*'a'"),
        (lambda i: (np.zeros(2, [("a", "i4")]), 0), TypeError, r"a cache cannot store"),
    ],
)
def test_samples_that_do_not_fit_leave_nothing(make: Any, error: type[Exception], message: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=message):
        CachedDataset(Made(make), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_dataset_leaves_nothing(tmp_path: Path) -> None:
    def full(index: int) -> Any:
        if index == 5:
            raise OSError(errno.ENOSPC, "no space left")
        return index, index

    with pytest.raises(OSError, match="no space left") as caught:
        CachedDataset(Made(full), tmp_path)
    assert caught.value.__notes__ == ["while reading sample 5 of Made"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["truncated", "longer", "missing", "meta missing", "meta broken"])
def test_a_damaged_cache_is_noticed_and_rebuilt(damage: str, tmp_path: Path) -> None:
    dataset = Counted(STRUCTURES["arrays"])
    cached = CachedDataset(dataset, tmp_path)
    expected = tuple(BatchLoader(cached, 4))
    data, meta = cached.folder / "0.data", cached.folder / "meta.json"
    if damage == "truncated":
        os.truncate(data, data.stat().st_size - 1)
    elif damage == "longer":
        data.write_bytes(data.read_bytes() + b"x")
    elif damage == "missing":
        data.unlink()
    elif damage == "meta missing":
        meta.unlink()
    else:
        meta.write_text(meta.read_text()[:-5])
    with pytest.raises(FileNotFoundError, match="has lost a part"):
        cached._open()
    readings = dataset.readings
    assert_same(tuple(BatchLoader(CachedDataset(dataset, tmp_path), 4)), expected)
    assert dataset.readings == readings + 12
    assert list(tmp_path.iterdir()) == [cached.folder]


def start(folder: Path, readings: Path, stop: int = -1) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAM), str(folder), str(readings), str(stop)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_kill_9_in_the_middle(tmp_path: Path) -> None:
    folder, readings = tmp_path / "cache", tmp_path / "readings"
    with start(folder, readings, stop=20) as builder:
        assert builder.stdout is not None
        assert builder.stdout.readline() == "reading\n"
        builder.send_signal(signal.SIGKILL)
    assert len(list(folder.iterdir())) == 2  # its claim and its unfinished work
    cached = CachedDataset(Noted(readings), folder)
    assert [int(labels["y"]) for _, labels in cached] == list(range(50))
    assert list(folder.iterdir()) == [cached.folder]


def test_others_wait_for_the_first(tmp_path: Path) -> None:
    folder, readings = tmp_path / "cache", tmp_path / "readings"
    with start(folder, readings, stop=20) as builder:
        assert builder.stdout is not None
        assert builder.stdin is not None
        assert builder.stdout.readline() == "reading\n"
        with start(folder, readings) as second, start(folder, readings) as third:
            while readings.stat().st_size < 22 + 2:  # both have read their first sample and nothing else
                assert second.poll() is None
                assert third.poll() is None
            builder.stdin.write("\n")
            builder.stdin.flush()
            for process in (second, third, builder):
                assert process.stdout is not None
                assert process.stdout.readline() == "built\n"
    assert readings.stat().st_size == 50 + 3
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    "text", ["", '{"host": "elsewhere", "pid": 1, "folder": "..", "beat": 3}', '{"host": 5}', "[]"]
)
def test_a_builder_elsewhere_that_is_silent_is_given_up(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "SILENCE", 0.2)
    cached = CachedDataset(Versioned([(1, 2)]), tmp_path)
    (cached.folder / "meta.json").unlink()
    cached.folder.with_name(f".{cached.folder.name}.claim").write_text(text)
    again = CachedDataset(Versioned([(1, 2)]), tmp_path)
    assert again[0] == (1, 2)
    assert list(tmp_path.iterdir()) == [again.folder]


def test_a_builder_elsewhere_that_says_something_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "SILENCE", 10.0)
    now = 0.0
    monkeypatch.setattr(claim.time, "monotonic", lambda: now)
    file = tmp_path / "claim"
    watch = claim.Watch(file)
    for beat in range(5):
        file.write_text(json.dumps({"host": "elsewhere", "pid": 1, "folder": "work", "beat": beat}))
        assert watch.dead() is None
        now += 9.0
        assert watch.dead() is None
    now += 2.0
    assert watch.dead() == "work"


def test_of_two_builders_at_once_the_first_to_finish_wins(tmp_path: Path) -> None:
    other: list[CachedDataset] = []

    def sample(index: int) -> Any:
        if index == 7 and not other:
            other.append(None)  # type: ignore[arg-type]
            # As if ours had been taken for dead.
            for file in tmp_path.glob(".*.claim"):
                file.unlink()
            other[0] = CachedDataset(Made(sample), tmp_path)
        return index, index

    cached = CachedDataset(Made(sample), tmp_path)
    assert cached.folder == other[0].folder
    assert [int(labels) for _, labels in cached] == [int(labels) for _, labels in other[0]] == list(range(11))
    assert list(tmp_path.iterdir()) == [cached.folder]


def test_progress(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    CachedDataset(Made(STRUCTURES["arrays"]), tmp_path / "a", progress=True)
    shown = capfd.readouterr().err
    assert shown.startswith("\rcaching Made:   9%, 1 of 11 samples,")
    assert "100%, 11 of 11 samples, 0 s left" in shown
    assert shown.endswith("\n")
    CachedDataset(Made(STRUCTURES["arrays"]), tmp_path / "a", progress=True)
    CachedDataset(Made(STRUCTURES["arrays"]), tmp_path / "b")
    assert capfd.readouterr().err == ""


def test_progress_is_shown_in_a_terminal(tmp_path: Path) -> None:
    terminal, end = pty.openpty()
    command = [sys.executable, str(PROGRAM), str(tmp_path / "cache"), str(tmp_path / "readings"), "-1"]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=end, check=True, timeout=60)
    os.close(end)
    shown = b""
    try:
        while part := os.read(terminal, 4096):
            shown += part
    except OSError:  # the terminal's other end is closed: all is read
        pass
    os.close(terminal)
    assert b"caching Noted: 100%, 50 of 50 samples" in shown


def test_version_is_the_datasets(tmp_path: Path) -> None:
    assert version_of(CachedDataset(Counted(STRUCTURES["arrays"], version="v9"), tmp_path)) == "v9"
