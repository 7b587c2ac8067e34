from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ailab.data.batches import BatchLoader
from ailab.data.keras import BatchedKerasDataset
from ailab.testing.adapter import BatchAdapterConformance
from ailab.testing.samples import STRUCTURES, Broken, Made, assert_same

RANDOM = Made(STRUCTURES["random"])


class TestConformance(BatchAdapterConformance):
    def make(self, dataset: Any, **arguments: Any) -> Any:
        return BatchedKerasDataset(dataset, **arguments)

    def to_numpy(self, batch: Any) -> Any:
        return batch


class TestConformanceOfWorkers(TestConformance):
    def make(self, dataset: Any, **arguments: Any) -> Any:
        return BatchedKerasDataset(dataset, workers=2, **arguments)


class TestConformanceOfThreads(TestConformance):
    def make(self, dataset: Any, **arguments: Any) -> Any:
        return BatchedKerasDataset(dataset, threads_per_worker=3, **arguments)


class TestConformanceOfPasses(TestConformance):
    """The same as Keras reads it: by numbers, in an order of its own."""

    def epoch(self, batched: Any) -> list[Any]:
        batched.on_epoch_begin()
        batches = [batched[number] for number in reversed(range(batched.num_batches))]
        batched.on_epoch_end()
        return batches

    def test_bad_samples_can_be_skipped(self) -> None:
        batched = self.make(Broken(bad=7), batch_size=4, shuffle=False, on_error="skip")
        assert [batch[1].tolist() for batch in self.epoch(batched)] == [[0, 1, 2, 3], [4, 5, 6], [8, 9, 10]]
        alone = self.make(Broken(bad=7), batch_size=1, shuffle=False, on_error="skip")
        assert [int(batch[1][0]) for batch in self.epoch(alone)] == [*range(7), 8, 8, 9, 10]
        assert (alone.epoch, alone.skipped) == (1, 1)

    @pytest.mark.parametrize("used", range(7))
    def test_a_state_goes_on_with_the_very_next_batch(self, used: int) -> None:
        expected = epochs_of(RANDOM, 4, 5, seed=5)
        batched = self.make(RANDOM, batch_size=4, seed=5)
        batches = (batch for _ in range(3) for batch in batched)
        for _ in range(used):
            next(batches)
        again = self.make(RANDOM, batch_size=4, seed=5)
        again.load_state_dict(batched.state_dict())
        assert_same(tuple(self.epoch(again) + self.epoch(again)), tuple(expected[used : used + 6]))


class TestConformanceOfPassesWithWorkers(TestConformanceOfPasses):
    def make(self, dataset: Any, **arguments: Any) -> Any:
        return BatchedKerasDataset(dataset, workers=2, **arguments)


class Recorder(BatchedKerasDataset):
    """Keeps what it was asked for and gave."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.given: list[tuple[int, Any]] = []

    def __getitem__(self, index: int) -> Any:
        batch = super().__getitem__(index)
        self.given.append((index, batch))
        return batch


def small_model() -> Any:
    x = keras.Input((4,), name="x")
    model = keras.Model({"x": x}, {"y": keras.layers.Dense(1, name="y")(x)})
    model.compile("sgd", "mse")
    return model


def epochs_of(dataset: Any, batch_size: int, epochs: int, **arguments: Any) -> list[Any]:
    core = BatchLoader(dataset, batch_size, **arguments)
    return [batch for _ in range(epochs) for batch in core]


def assert_gave(batched: Recorder, expected: list[Any]) -> None:
    """The last batches given are ``expected``; before them Keras has looked at two at most."""
    assert 0 <= len(batched.given) - len(expected) <= 2
    assert_same(tuple(batch for _, batch in batched.given[-len(expected) :]), tuple(expected))


def test_is_a_sequence() -> None:
    batched = BatchedKerasDataset(RANDOM, 4)
    assert isinstance(batched, tf.keras.utils.Sequence)
    assert isinstance(batched, keras.utils.PyDataset)
    assert (len(batched), batched.batch_size, batched.seed) == (3, 4, 0)


def test_any_batch_by_its_number() -> None:
    batched = BatchedKerasDataset(RANDOM, 4)
    epoch = epochs_of(RANDOM, 4, 1)
    for number in (2, 0, 1, -1):
        assert_same(batched[number], epoch[number])
    with pytest.raises(IndexError, match="batch 3 does not exist"):
        batched[3]


@pytest.mark.parametrize("length", [3, 7, 11], ids=["one batch", "two batches", "three batches"])
@pytest.mark.parametrize("workers", [0, 2])
def test_fit_gets_the_batches_of_core_in_their_order(length: int, workers: int) -> None:
    # fit's shuffle is left at its default, True: Keras then asks for the batches in an order of its own.
    dataset = Made(STRUCTURES["random"], length)
    batched = Recorder(dataset, 4, seed=3, workers=workers)
    model = small_model()
    model.fit(batched, epochs=3, verbose=0)
    assert_gave(batched, epochs_of(dataset, 4, 3, seed=3))
    assert batched.epoch == 3
    # The next fit goes on with the next epoch.
    batched.given.clear()
    model.fit(batched, verbose=0)
    assert batched.epoch == 4
    assert_gave(batched, epochs_of(dataset, 4, 4, seed=3)[-len(batched) :])


def test_keras_does_ask_in_an_order_of_its_own() -> None:
    # The reason for `Passes`. Should this ever fail, Keras has changed and they may go.
    batched = Recorder(Made(STRUCTURES["random"], 40), 2)
    small_model().fit(batched, verbose=0)
    asked = [index for index, _ in batched.given[2:]]
    assert sorted(asked) == list(range(20))
    assert asked != sorted(asked)


@pytest.mark.parametrize("length", [3, 7, 11], ids=["one batch", "two batches", "three batches"])
def test_evaluate_and_predict(length: int) -> None:
    dataset = Made(STRUCTURES["random"], length)
    batched = Recorder(dataset, 4, shuffle=False)
    model = small_model()
    model.evaluate(batched, verbose=0)
    assert_gave(batched, epochs_of(dataset, 4, 1, shuffle=False))
    batched.given.clear()
    assert model.predict(batched, verbose=0)["y"].shape == (length, 1)
    assert_gave(batched, epochs_of(dataset, 4, 2, shuffle=False)[len(batched) :])
    assert batched.epoch == 2


def test_validation_data_have_epochs_of_their_own() -> None:
    training, held_out = Recorder(RANDOM, 4), Recorder(RANDOM, 4, seed=1)
    small_model().fit(training, validation_data=held_out, epochs=2, verbose=0)
    assert_gave(training, epochs_of(RANDOM, 4, 2))
    assert_gave(held_out, epochs_of(RANDOM, 4, 2, seed=1))


def test_steps_per_epoch_does_not_cut_the_pass() -> None:
    dataset = Made(STRUCTURES["random"], 24)
    batched = Recorder(dataset, 4)
    small_model().fit(batched, epochs=4, steps_per_epoch=3, verbose=0)
    assert_gave(batched, epochs_of(dataset, 4, 2))


def test_a_training_that_was_stopped_has_used_up_its_epoch() -> None:
    class Stop(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = batch == 2

    dataset = Made(STRUCTURES["random"], 40)
    batched = Recorder(dataset, 4)
    model = small_model()
    model.fit(batched, callbacks=[Stop()], verbose=0)
    model.fit(batched, verbose=0)
    # Before them came the two looks, and whatever TensorFlow had fetched of the epoch before.
    assert_same(tuple(batch for _, batch in batched.given[-10:]), tuple(epochs_of(dataset, 4, 2)[10:]))


def test_a_loop_of_ones_own() -> None:
    batched = BatchedKerasDataset(RANDOM, 4)
    for epoch in range(3):
        expected = epochs_of(RANDOM, 4, epoch + 1)[-3:]
        assert_same(tuple(batched[i] for i in range(len(batched))), tuple(expected))
        batched.on_epoch_end()
    # Iterating moves on by itself, and on_epoch_end after it does not do so again.
    for epoch in range(3, 6):
        assert batched.epoch == epoch
        list(batched)
        batched.on_epoch_end()
    batched.set_epoch(1)
    batched.on_epoch_end()
    assert batched.epoch == 2


def test_set_epoch_between_fits() -> None:
    batched = Recorder(RANDOM, 4)
    model = small_model()
    model.fit(batched, epochs=2, verbose=0)
    batched.set_epoch(0)
    batched.given.clear()
    model.fit(batched, epochs=1, verbose=0)
    assert_gave(batched, epochs_of(RANDOM, 4, 1))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("used", [1, 4, 10, 13])
def test_fit_goes_on_with_the_very_next_batch(workers: int, used: int) -> None:
    dataset = Made(STRUCTURES["random"], 40)

    class Save(keras.callbacks.Callback):  # type: ignore[misc]
        trained = 0
        state: Any = None

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            Save.trained += 1
            if Save.trained == used:
                Save.state = before.state_dict(batch)
                self.model.stop_training = True

    before = BatchedKerasDataset(dataset, 4, seed=3, workers=workers)
    small_model().fit(before, epochs=2, callbacks=[Save()], verbose=0)
    assert (Save.state["epoch"], Save.state["position"]) == divmod(used, 10)
    after = Recorder(dataset, 4, seed=3, workers=workers)
    after.load_state_dict(Save.state)
    small_model().fit(after, epochs=2, verbose=0)
    assert_gave(after, epochs_of(dataset, 4, 4, seed=3)[used : used + 20])
    # Keras' epochs go on in the middle of ours, until told otherwise.
    assert (after.state_dict()["epoch"], after.state_dict()["position"]) == divmod(used + 20, 10)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_in_fit_names_the_sample(workers: int) -> None:
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    # Keras itself looks at the first two batches; after that TensorFlow runs our code and wraps what it raises.
    with pytest.raises(FileNotFoundError, match="no such scan"):
        model.fit(BatchedKerasDataset(Broken(bad=7), 4, shuffle=False, workers=workers), verbose=0)
    with pytest.raises(tf.errors.OpError, match=r"no such scan[\s\S]*sample 9 of Broken"):
        model.fit(BatchedKerasDataset(Broken(bad=9), 4, shuffle=False, workers=workers), verbose=0)


def test_on_the_torch_backend() -> None:
    program = Path(__file__).with_name("other_backend.py")
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", str(program)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["torch", "ok"]
    assert "os.fork()" not in done.stderr


def test_features_are_float32_as_promised() -> None:
    features, labels = BatchedKerasDataset([({"x": 0.5}, {"y": 1})], 1)[0]
    assert (features["x"].dtype, labels["y"].dtype) == (np.float32, np.int64)
