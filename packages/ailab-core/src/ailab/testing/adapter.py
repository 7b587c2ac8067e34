"""What AI Lab expects of a framework's adapter, as tests that the adapter's own test class inherits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ailab import current
from ailab.data.batches import BatchLoader
from ailab.experiment import Config
from ailab.testing.samples import STRUCTURES, Broken, Made, assert_same

__all__ = ["BatchAdapterConformance"]


class BatchAdapterConformance:
    """Inherit it in a class ``Test...`` and write `make` and `to_numpy`::

    class TestConformance(BatchAdapterConformance):
        def make(self, dataset, **arguments):
            return BatchedMyDataset(dataset, **arguments)

        def to_numpy(self, batch):
            return map_arrays(np.asarray, batch)
    """

    structures = tuple(STRUCTURES)
    """The structures to test, for a framework that lacks some (strings, most likely)."""

    def make(self, dataset: Any, **arguments: Any) -> Any:
        """The adapter's batched dataset; ``arguments``: any of batch_size, shuffle, seed, drop_last,
        shard, pad, on_error."""
        raise NotImplementedError

    def to_numpy(self, batch: Any) -> Any:
        """The framework's batch with a NumPy array for each tensor."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _no_config_in_use(self) -> Iterator[None]:
        before = current.config()
        current.use_config(None)
        yield
        current.use_config(before)

    def epoch(self, batched: Any) -> list[Any]:
        """All batches of one iteration."""
        return [self.to_numpy(batch) for batch in batched]

    @pytest.mark.parametrize("name", sorted(STRUCTURES))
    def test_batches_are_those_of_core_in_every_epoch(self, name: str) -> None:
        if name not in self.structures:
            pytest.skip(f"the adapter has no {name}")
        dataset = Made(STRUCTURES[name])
        batched, core = self.make(dataset, batch_size=4, seed=5), BatchLoader(dataset, 4, seed=5)
        for _ in range(2):
            assert_same(tuple(self.epoch(batched)), tuple(core))

    def test_shuffles_each_epoch_anew(self) -> None:
        batched = self.make(Made(STRUCTURES["arrays"], 50), batch_size=50)
        (first,), (second,) = self.epoch(batched), self.epoch(batched)
        assert sorted(first[1]) == sorted(second[1]) == list(range(50))
        assert list(first[1]) != list(second[1])

    def test_keeps_the_order_without_shuffle(self) -> None:
        batched = self.make(Made(STRUCTURES["arrays"]), batch_size=4, shuffle=False)
        assert [list(labels) for _, labels in self.epoch(batched)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]

    def test_seed_decides(self) -> None:
        dataset = Made(STRUCTURES["random"], 50)
        one, same, other = (self.epoch(self.make(dataset, batch_size=50, seed=seed))[0] for seed in (1, 1, 2))
        assert_same(one, same)
        assert list(one[1]["y"]) != list(other[1]["y"])

    def test_epoch_can_be_set(self) -> None:
        batched = self.make(Made(STRUCTURES["random"]), batch_size=4)
        epochs = [self.epoch(batched) for _ in range(3)]
        assert batched.epoch == 3
        batched.set_epoch(1)
        assert_same(tuple(self.epoch(batched)), tuple(epochs[1]))

    def test_a_look_at_the_first_batch_uses_up_no_epoch(self) -> None:
        batched = self.make(Made(STRUCTURES["random"]), batch_size=4)
        first = self.to_numpy(next(iter(batched)))
        assert batched.epoch == 0
        assert_same(self.epoch(batched)[0], first)

    def test_shards(self, monkeypatch: pytest.MonkeyPatch) -> None:
        dataset = Made(STRUCTURES["random"], 24)
        whole = BatchLoader(dataset, 8, seed=5).batch(1)[1]["y"].tolist()
        parts = [self.make(dataset, batch_size=4, seed=5, shard=(number, 2)) for number in range(2)]
        labels = [[batch[1]["y"].tolist() for batch in self.epoch(part)] for part in parts]
        assert list(map(len, labels)) == list(map(len, parts)) == [3, 3]
        assert labels[0][1] + labels[1][1] == whole[::2] + whole[1::2]
        monkeypatch.setenv("RANK", "1")
        monkeypatch.setenv("WORLD_SIZE", "2")
        by_rank = self.epoch(self.make(dataset, batch_size=4, seed=5))
        assert [batch[1]["y"].tolist() for batch in by_rank] == labels[1]
        assert len(self.make(dataset, batch_size=4, shard=(0, 1))) == 6

    def test_bad_samples_can_be_skipped(self) -> None:
        batched = self.make(Broken(bad=7), batch_size=4, shuffle=False, on_error="skip")
        for passes in (1, 2):
            labels = [batch[1].tolist() for batch in self.epoch(batched)]
            assert labels == [[0, 1, 2, 3], [4, 5, 6], [8, 9, 10]]
            assert batched.skipped == passes
        alone = self.make(Broken(bad=7), batch_size=1, shuffle=False, on_error="skip")
        assert [int(batch[1][0]) for batch in self.epoch(alone)] == [*range(7), 8, 9, 10]
        assert (alone.epoch, alone.skipped) == (1, 1)

    def test_ragged_samples_can_be_padded(self) -> None:
        dataset = Made(lambda i: ({"x": [i] * (1 + i % 2)}, i), 4)
        batched = self.make(dataset, batch_size=4, shuffle=False, pad={"x": -1})
        assert self.epoch(batched)[0][0]["x"].tolist() == [[0, -1], [1, 1], [2, -1], [3, 3]]

    @pytest.mark.parametrize("used", range(7))
    def test_a_state_goes_on_with_the_very_next_batch(self, used: int) -> None:
        dataset, core = Made(STRUCTURES["random"]), BatchLoader(Made(STRUCTURES["random"]), 4, seed=5)
        expected = [batch for _ in range(4) for batch in core]
        batched = self.make(dataset, batch_size=4, seed=5)
        batches = (batch for _ in range(3) for batch in batched)
        for _ in range(used):
            next(batches)
        state = json.loads(json.dumps(batched.state_dict()))
        del batches
        again = self.make(dataset, batch_size=4, seed=5)
        again.load_state_dict(state)
        assert again.state_dict() == state
        assert_same(tuple(self.epoch(again) + self.epoch(again)), tuple(expected[used : (used // 3 + 2) * 3]))

    def test_a_state_of_another_loader_is_refused(self) -> None:
        state = self.make(Made(STRUCTURES["arrays"]), batch_size=4, seed=5).state_dict()
        batched = self.make(Made(STRUCTURES["arrays"], 12), batch_size=3)
        with pytest.raises(ValueError, match=r"length=11, here 12; batch_size=4, here 3; seed=5, here 0"):
            batched.load_state_dict(state)

    @pytest.mark.parametrize(("drop_last", "sizes"), [(False, [4, 4, 3]), (True, [4, 4])])
    def test_length_and_last_batch(self, drop_last: bool, sizes: list[int]) -> None:
        batched = self.make(Made(STRUCTURES["arrays"]), batch_size=4, drop_last=drop_last)
        assert len(batched) == len(sizes)
        assert [len(labels) for _, labels in self.epoch(batched)] == sizes

    def test_batch_size_comes_from_the_config_in_use_unless_given(self) -> None:
        dataset = Made(STRUCTURES["arrays"])
        assert len(self.make(dataset)) == 11
        config = Config()
        config.train.batch_size = 4
        current.use_config(config)
        assert len(self.make(dataset)) == 3
        assert len(self.make(dataset, batch_size=11)) == 1

    def test_keeps_the_dataset(self) -> None:
        dataset = Made(STRUCTURES["arrays"])
        assert self.make(dataset, batch_size=4).dataset is dataset

    def test_an_error_in_a_sample_arrives_as_itself(self) -> None:
        batched = self.make(Broken(bad=7), batch_size=4)
        with pytest.raises(FileNotFoundError) as caught:
            self.epoch(batched)
        assert (caught.value.errno, caught.value.filename) == (2, "scan.png")
        assert "while reading sample 7 of Broken" in caught.value.__notes__

    def test_ragged_samples_are_named(self) -> None:
        batched = self.make(Made(lambda i: ({"x": [0] * (2 + (i == 5))}, i)), batch_size=11, shuffle=False)
        with pytest.raises(ValueError, match=r"features\['x'\] has shape \(3,\) in sample 5 but \(2,\) in sample 0"):
            self.epoch(batched)

    @pytest.mark.parametrize(
        ("value", "error"), [(0, ValueError), (True, TypeError), (2.5, TypeError), ("4", TypeError)]
    )
    def test_a_wrong_batch_size_is_refused(self, value: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match=r"batch_size=.*expected an int of at least 1"):
            self.make(Made(STRUCTURES["arrays"]), batch_size=value)

    def test_an_empty_dataset_is_refused(self) -> None:
        with pytest.raises(ValueError, match="is empty"):
            self.make(Made(STRUCTURES["arrays"], 0), batch_size=4)
