from __future__ import annotations

import multiprocessing
import os
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, SequentialSampler, get_worker_info

from ailab import current
from ailab.data import rng
from ailab.data.batches import BatchLoader, collate, map_arrays
from ailab.data.pytorch import BatchedPytorchDataset
from ailab.testing.adapter import BatchAdapterConformance
from ailab.testing.samples import STRUCTURES, Broken, Made, Scan, assert_same
from ailab_torch.tensors import to_tensors

NUMBERS = Made(STRUCTURES["arrays"])
RANDOM = Made(STRUCTURES["random"])


def to_numpy(batch: Any) -> Any:
    return map_arrays(np.asarray, batch)


class TestConformance(BatchAdapterConformance):
    def make(self, dataset: Any, **arguments: Any) -> Any:
        return BatchedPytorchDataset(dataset, **arguments)

    def to_numpy(self, batch: Any) -> Any:
        return to_numpy(batch)


class TestConformanceOfTorchsLoop(TestConformance):
    """The same through torch's own loop in this process, to which a ``collate_fn`` leads."""

    def make(self, dataset: Any, **arguments: Any) -> Any:
        return BatchedPytorchDataset(dataset, collate_fn=lambda samples: to_tensors(collate(samples)), **arguments)

    def test_bad_samples_can_be_skipped(self) -> None:
        with pytest.raises(ValueError, match="leave them out with collate_fn="):
            self.make(NUMBERS, on_error="skip")

    def test_ragged_samples_can_be_padded(self) -> None:
        with pytest.raises(ValueError, match="leave them out with collate_fn="):
            self.make(NUMBERS, pad=0)


class TestConformanceOfWorkers(TestConformance):
    def make(self, dataset: Any, **arguments: Any) -> Any:
        return BatchedPytorchDataset(dataset, num_workers=2, **arguments)


def test_is_a_dataloader() -> None:
    loader = BatchedPytorchDataset(NUMBERS, 4)
    assert isinstance(loader, DataLoader)
    assert (loader.batch_size, loader.num_workers, loader.drop_last, loader.seed) == (4, 0, False, 0)
    assert loader.dataset is NUMBERS
    # The sampler is the order of the epoch to come, for libraries that look at it.
    assert list(loader.sampler) == [int(label) for _, labels in BatchLoader(NUMBERS, 4) for label in labels]
    assert len(loader.sampler) == 11


def test_tensors_share_the_arrays_memory() -> None:
    array = np.zeros(3, np.float32)
    to_tensors({"x": (array,)})["x"][0][1] = 5
    assert array.tolist() == [0, 5, 0]


def test_kinds_that_torch_lacks_stay_arrays() -> None:
    features, labels = next(iter(BatchedPytorchDataset([({"text": "ab", "x": 1.5}, 3)], 1)))
    assert features["text"].tolist() == ["ab"]
    assert isinstance(features["text"], np.ndarray)
    assert features["x"].dtype == torch.float32
    assert labels.dtype == torch.int64


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_that_live_on_follow_the_epochs(start: str) -> None:
    dataset = Augmented()
    arguments = {"num_workers": 2, "persistent_workers": True, "multiprocessing_context": start}
    loader = BatchedPytorchDataset(dataset, 4, seed=2, **arguments)
    core = BatchLoader(dataset, 4, seed=2)
    for _ in range(2):
        assert_same(tuple(map(to_numpy, loader)), tuple(core))
    loader.set_epoch(0)
    core.set_epoch(0)
    assert_same(tuple(map(to_numpy, loader)), tuple(core))


class Augmented(Made):
    """Like the structure "random", and fit for another process: no lambda."""

    def __init__(self) -> None:
        super().__init__(len, 11)

    def __getitem__(self, index: int) -> Any:
        return rng().random(3), index


class InWorker(Made):
    """Tells where its samples were read."""

    def __init__(self) -> None:
        super().__init__(len, 8)

    def __getitem__(self, index: int) -> Any:
        return -1 if (worker := get_worker_info()) is None else worker.id, index


def test_workers_read_the_samples() -> None:
    assert {int(w) for workers, _ in BatchedPytorchDataset(InWorker(), 2) for w in workers} == {-1}
    loader = BatchedPytorchDataset(InWorker(), 2, num_workers=2)
    assert {int(w) for workers, _ in loader for w in workers} == {0, 1}


class Stubborn(Exception):
    """Cannot be made from its arguments, so it cannot be pickled either."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def raise_stubborn(index: int) -> Any:
    raise Stubborn(1, 2)


def test_an_error_in_a_worker_brings_its_traceback() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        list(BatchedPytorchDataset(Broken(bad=7), 4, num_workers=1))
    assert caught.value.__notes__[0] == "while reading sample 7 of Broken"
    assert "in worker process 0, whose traceback was:" in caught.value.__notes__[1]
    assert "in __getitem__" in caught.value.__notes__[1]


def test_an_error_that_cannot_travel_is_told() -> None:
    with pytest.raises(RuntimeError, match="Stubborn: 1 and 2") as caught:
        list(BatchedPytorchDataset(Made(raise_stubborn), 4, num_workers=1))
    assert "while reading sample" in "".join(caught.value.__notes__)
    with pytest.raises(Stubborn):
        list(BatchedPytorchDataset(Made(raise_stubborn), 4))


@pytest.mark.parametrize("num_workers", [0, 2])
class TestTorchsArguments:
    """What only torch's loop can do goes through it, with our samples, randomness and errors."""

    def test_sampler(self, num_workers: int) -> None:
        loader = BatchedPytorchDataset(RANDOM, 2, sampler=[3, 1, 4, 1, 5], num_workers=num_workers)
        assert len(loader) == 3
        batches = [to_numpy(batch) for batch in loader]
        assert [batch[1]["y"].tolist() for batch in batches] == [[3, 1], [4, 1], [5]]
        core = BatchLoader(RANDOM, 2)
        assert_same(batches[0], core.load([3, 1], epoch=0))
        assert loader.epoch == 1

    def test_sampler_with_drop_last(self, num_workers: int) -> None:
        sampler = SequentialSampler(range(3))
        loader = BatchedPytorchDataset(NUMBERS, 2, sampler=sampler, drop_last=True, num_workers=num_workers)
        assert [labels.tolist() for _, labels in loader] == [[0, 1]]
        assert len(loader) == 1

    def test_batch_sampler(self, num_workers: int) -> None:
        batches = [[0], [5, 6, 7], [2, 1]]
        loader = BatchedPytorchDataset(NUMBERS, batch_sampler=batches, num_workers=num_workers)
        assert len(loader) == 3
        assert [labels.tolist() for _, labels in loader] == batches

    def test_collate_fn(self, num_workers: int) -> None:
        loader = BatchedPytorchDataset(RANDOM, 4, collate_fn=sum_of_samples, num_workers=num_workers)
        expected = [float(features["x"].sum(dtype=np.float64)) for features, _ in BatchLoader(RANDOM, 4)]
        assert list(loader) == pytest.approx(expected)

    def test_generator_draws_the_order(self, num_workers: int) -> None:
        def order() -> list[int]:
            generator = torch.Generator().manual_seed(4)
            loader = BatchedPytorchDataset(NUMBERS, 11, generator=generator, num_workers=num_workers)
            return [int(label) for _, labels in loader for label in labels]

        ours = [int(label) for _, labels in BatchLoader(NUMBERS, 11) for label in labels]
        assert order() == order() != ours
        assert sorted(order()) == sorted(ours)


def sum_of_samples(samples: list[Any]) -> float:
    return sum(float(features["x"].sum(dtype=np.float64)) for features, _ in samples)


@pytest.mark.filterwarnings("ignore:.*pin_memory.*:UserWarning")  # this machine has no accelerator
def test_pin_memory() -> None:
    loader = BatchedPytorchDataset(RANDOM, 4, pin_memory=True)
    assert loader.pin_memory
    assert_same(tuple(map(to_numpy, loader)), tuple(BatchLoader(RANDOM, 4)))


@pytest.mark.parametrize("other", [{"batch_size": 2}, {"sampler": [1]}, {"drop_last": True}])
def test_batch_sampler_says_it_all(other: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="batch_sampler= says all of"):
        BatchedPytorchDataset(NUMBERS, batch_sampler=[[0]], **other)


def test_torchs_own_checks_stay() -> None:
    with pytest.raises(ValueError, match="prefetch_factor"):
        BatchedPytorchDataset(NUMBERS, 4, prefetch_factor=2)
    with pytest.raises(TypeError, match="no_such_argument"):
        BatchedPytorchDataset(NUMBERS, 4, no_such_argument=1)


def test_a_stream_is_no_dataset() -> None:
    class Stream(IterableDataset[int]):
        def __iter__(self) -> Any:
            return iter([1])

    with pytest.raises(TypeError, match="expected a dataset with __len__ and __getitem__"):
        BatchedPytorchDataset(Stream(), 4)


@pytest.mark.parametrize(("before", "after"), [(0, 2), (2, 0), (1, 2)])
def test_a_state_goes_on_under_another_number_of_workers(before: int, after: int) -> None:
    dataset = Made(STRUCTURES["random"], 30)
    batches = iter(BatchedPytorchDataset(dataset, 4, num_workers=0))
    expected = [to_numpy(batch) for batch in batches][3:]
    loader = BatchedPytorchDataset(dataset, 4, num_workers=before)
    for number, _ in enumerate(loader):
        if number == 2:
            break
    again = BatchedPytorchDataset(dataset, 4, num_workers=after)
    again.load_state_dict(loader.state_dict())
    assert_same(tuple(map(to_numpy, again)), tuple(expected))


@pytest.mark.parametrize("order", [{"sampler": range(11, 0, -2)}, {"batch_sampler": [[1, 2], [3], [5, 4], [9]]}])
def test_a_state_goes_on_in_an_order_of_the_users(order: dict[str, Any]) -> None:
    def make() -> BatchedPytorchDataset:
        return BatchedPytorchDataset(Made(STRUCTURES["random"], 12), **order)

    expected = [to_numpy(batch) for batch in make()]
    for used in range(1, len(expected)):
        loader = make()
        for _ in zip(range(used), loader, strict=False):
            pass
        again = make()
        again.load_state_dict(loader.state_dict())
        assert again.state_dict() == loader.state_dict()
        assert_same(tuple(map(to_numpy, again)), tuple(expected[used:]))


def test_an_order_of_the_users_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert [y.tolist() for _, y in BatchedPytorchDataset(NUMBERS, 2, sampler=[3, 1, 4])] == [[3, 1], [4]]
    assert [y.tolist() for _, y in BatchedPytorchDataset(NUMBERS, batch_sampler=[[5, 6]])] == [[5, 6]]
    for order in ({"sampler": [1]}, {"batch_sampler": [[1]]}, {"generator": torch.Generator()}):
        with pytest.raises(ValueError, match="shard= cuts an order of ours"):
            BatchedPytorchDataset(NUMBERS, shard=(0, 2), **order)


def test_the_shard_is_torch_distributeds(tmp_path: Path) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'meet'}", rank=0, world_size=1)
    try:
        assert len(BatchedPytorchDataset(NUMBERS, 4)) == 3
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RANK", "0")
            patch.setenv("WORLD_SIZE", "2")  # what is initialised counts
            assert len(BatchedPytorchDataset(NUMBERS, 4)) == 3
    finally:
        torch.distributed.destroy_process_group()


def waited(seconds: float) -> Any:
    def sample(index: int) -> Any:
        time.sleep(seconds)
        return {"x": np.full(3, index)}, {"y": index}

    return Made(sample)


def test_tensors_of_workers_are_views_of_memory_that_is_used_again() -> None:
    dataset = Made(STRUCTURES["arrays"], 400)
    pointers, kept = set(), []
    # With a prefetch_factor each batch travels alone: several in one slot would have an address each.
    loader = BatchedPytorchDataset(dataset, 4, shuffle=False, num_workers=2, prefetch_factor=2)
    for number, (features, labels) in enumerate(loader):
        pointers.add(features.data_ptr())
        if number % 20 == 0:
            kept.append((features[0, 0, 0], int(labels[0])))
    assert len(pointers) < 50
    assert all(int(value) == label for value, label in kept)


def in_shared_memory(address: int) -> bool:
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        if start <= address < end:
            return "ailab-batches" in line
    return False


class Point(NamedTuple):
    x: Any


class Recorded(Made):
    """Samples with dataclasses; fit for another process."""

    def __init__(self) -> None:
        super().__init__(len, 11)

    def __getitem__(self, index: int) -> Any:
        return Scan(rng().random(3), 0), {"deep": Scan(np.float32(index), index), "point": Point(index)}


@pytest.mark.filterwarnings("ignore:.*pin_memory.*:UserWarning")  # this machine has no accelerator
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"pin_memory": True},
        {"num_workers": 2},
        {"num_workers": 2, "copy": True},
        {"num_workers": 1, "multiprocessing_context": "spawn"},
        {"num_workers": 2, "in_order": False},  # torch's own loop
        {"num_workers": 1, "in_order": False, "pin_memory": True},
    ],
)
def test_dataclasses(arguments: dict[str, Any]) -> None:
    batches = list(BatchedPytorchDataset(Recorded(), 11, **arguments))
    assert isinstance(batches[0][0].image, torch.Tensor)
    assert_same(tuple(map(to_numpy, batches)), tuple(BatchLoader(Recorded(), 11)))


def test_copied_tensors() -> None:
    loader = BatchedPytorchDataset(RANDOM, 4, num_workers=2, copy=True)
    batches = list(loader)
    assert not any(in_shared_memory(labels["y"].data_ptr()) for _, labels in batches)
    assert in_shared_memory(next(iter(BatchedPytorchDataset(RANDOM, 4, num_workers=2)))[1]["y"].data_ptr())
    assert_same(tuple(map(to_numpy, batches)), tuple(BatchLoader(RANDOM, 4)))


def test_worker_init_fn_finds_its_worker() -> None:
    def begin(number: int) -> None:
        info = get_worker_info()
        assert info is not None and info.id == number
        info.dataset.make = lambda index: (info.num_workers, torch.get_num_threads())

    loader = BatchedPytorchDataset(Made(len, 8), 2, num_workers=2, worker_init_fn=begin)
    assert {(int(w), int(t)) for workers, threads in loader for w, t in zip(workers, threads, strict=True)} == {(2, 1)}


def test_persistent_workers_live_on() -> None:
    def pids(loader: Any) -> set[int]:
        return {int(pid) for pids, _ in loader for pid in pids}

    together = multiprocessing.get_context("fork").Barrier(2)

    def sample(index: int) -> Any:
        if index in (0, 4):  # of the first two batches, which go to one worker each: both must take part
            together.wait(30)
        return os.getpid(), index

    dataset = Made(sample, 40)
    arguments: Any = {"num_workers": 2, "prefetch_factor": 2}  # each batch alone: none waits for the next one
    loader = BatchedPytorchDataset(dataset, 4, False, persistent_workers=True, **arguments)
    first = pids(loader)
    assert pids(loader) == first
    held = iter(loader)
    next(held)
    assert not pids(loader) & first  # these serve `held`
    del held
    assert pids(loader) == first
    loader = BatchedPytorchDataset(dataset, 4, False, **arguments)
    assert not pids(loader) & pids(loader)


def test_a_timeout() -> None:
    loader = BatchedPytorchDataset(waited(30), 4, num_workers=1, timeout=0.1)
    with pytest.raises(RuntimeError, match="timed out after 0.1 seconds"):
        next(iter(loader))


def test_prefetch_factor_limits_what_is_read_ahead(tmp_path: Path) -> None:
    def sample(index: int) -> Any:
        (tmp_path / str(index)).touch()
        return index, index

    loader = iter(BatchedPytorchDataset(Made(sample, 40), 1, False, num_workers=1, prefetch_factor=3))
    for _ in range(5):
        next(loader)
    list(loader)
    assert len(list(tmp_path.iterdir())) == 40


@pytest.mark.parametrize("num_workers", [0, 1])
def test_threads_per_worker(num_workers: int) -> None:
    together = threading.Barrier(3, timeout=30) if num_workers == 0 else None

    def sample(index: int) -> Any:
        if together is not None:
            together.wait()
        return {"x": rng().random(2)}, {"y": index}

    dataset = Made(sample, 24)
    loader = BatchedPytorchDataset(dataset, 24, num_workers=num_workers, threads_per_worker=3)
    batches = tuple(map(to_numpy, loader))
    together = None
    assert_same(batches, tuple(BatchLoader(dataset, 24)))


def test_auto_reads_tiny_samples_here_and_waiting_ones_in_threads() -> None:
    loader = BatchedPytorchDataset(NUMBERS, 4, num_workers="auto")
    list(loader)
    assert loader._runner.chosen == (0, 1)
    dataset = waited(0.03)
    loader = BatchedPytorchDataset(dataset, 4, seed=2, num_workers="auto")
    assert_same(tuple(map(to_numpy, loader)), tuple(BatchLoader(dataset, 4, seed=2)))
    assert loader._runner.chosen is not None
    assert loader._runner.chosen[1] > 1


def test_any_order_is_torchs_own() -> None:
    loader = BatchedPytorchDataset(NUMBERS, 4, num_workers=2, in_order=False)
    assert loader._loop is not None
    assert sorted(int(label) for _, labels in loader for label in labels) == list(range(11))


@pytest.mark.parametrize(
    ("argument", "error"),
    [({"num_workers": -1}, ValueError), ({"num_workers": "many"}, TypeError), ({"threads_per_worker": 0}, ValueError)],
)
def test_wrong_workers_are_refused(argument: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=f"{next(iter(argument))}="):
        BatchedPytorchDataset(NUMBERS, 4, **argument)


def test_the_wait_is_told() -> None:
    loader = BatchedPytorchDataset(waited(0.02), 4)
    assert loader.wait_fraction == 0
    list(loader)
    assert loader.wait_fraction > 0.9


def test_the_run_is_told_after_each_epoch() -> None:
    noted: list[float] = []
    stop = current.on_waiting(lambda fraction, advice: noted.append(fraction))
    loader = BatchedPytorchDataset(waited(0.02), 4)
    list(loader)
    list(loader)
    list(BatchedPytorchDataset(waited(0.02), 4, shuffle=False))  # as for an evaluation
    stop()
    assert len(noted) == 2
    assert all(fraction > 0.9 for fraction in noted)


@pytest.mark.parametrize("arguments", [{"num_workers": 2}, {"threads_per_worker": 3}, {"num_workers": "auto"}])
def test_samples_are_skipped_by_workers_of_ours(arguments: dict[str, Any]) -> None:
    loader = BatchedPytorchDataset(Broken(bad=7), 1, False, on_error="skip", **arguments)
    assert loader._loop is None
    assert [int(labels[0]) for _, labels in loader] == [*range(7), 8, 9, 10]
    assert (loader.skipped, loader.epoch) == (1, 1)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_torchs_loop_skips_samples_too(num_workers: int) -> None:
    loader = BatchedPytorchDataset(Broken(bad=7), 4, False, on_error="skip", num_workers=num_workers, in_order=False)
    assert loader._loop is not None
    assert [labels.tolist() for _, labels in loader] == [[0, 1, 2, 3], [4, 5, 6], [8, 9, 10]]
    alone = BatchedPytorchDataset(Broken(bad=7), 1, False, on_error="skip", num_workers=num_workers, in_order=False)
    assert [int(labels[0]) for _, labels in alone] == [*range(7), 8, 9, 10]
    assert (loader.skipped, alone.skipped) == (1, 1)
