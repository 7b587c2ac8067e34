"""Run with KERAS_BACKEND=torch by test_dataset.py, and with jax by ``nox -s jax``: Keras has one backend a process."""

from __future__ import annotations

import multiprocessing
import sys
from typing import Any

import keras
import numpy as np

from ailab.data.batches import BatchLoader
from ailab.data.keras import BatchedKerasDataset
from ailab.testing.samples import STRUCTURES, Broken, Made, assert_same

assert "tensorflow" not in sys.modules, "the adapter must not bring in a backend that Keras does not use"
DATASET = Made(STRUCTURES["random"])


class Recorder(BatchedKerasDataset):
    given: list[Any]

    def __getitem__(self, index: int) -> Any:
        batch = super().__getitem__(index)
        self.given.append(batch)
        return batch


def model_and_data(**arguments: Any) -> tuple[Any, Recorder]:
    x = keras.Input((4,), name="x")
    model = keras.Model({"x": x}, {"y": keras.layers.Dense(1, name="y")(x)})
    model.compile("sgd", "mse")
    data = Recorder(DATASET, 4, seed=3, **arguments)
    data.given = []
    return model, data


def fit_gets_the_batches_of_core(**arguments: Any) -> None:
    model, data = model_and_data(**arguments)
    model.fit(data, epochs=3, verbose=0)
    core = BatchLoader(DATASET, 4, seed=3)
    expected = tuple(batch for _ in range(3) for batch in core)
    # One look at the first batch to build the model's metrics, then the epochs.
    assert len(data.given) - len(expected) in (0, 1)
    assert_same(tuple(data.given[-len(expected) :]), expected)
    assert data.epoch == 3
    model.evaluate(data, verbose=0)
    model.predict(data, verbose=0)
    assert data.epoch == 5
    assert not multiprocessing.active_children()


def memory_that_is_used_again_changes_no_batch(workers: int) -> None:
    # The model gives back parts of its input: a batch whose memory was used again too early would show.
    count = 200
    numbers = [(np.full(80_000, index, np.float32), np.full(1, index, np.float32)) for index in range(count)]
    x = keras.Input((80_000,))
    model = keras.Model(x, keras.layers.Lambda(lambda x: keras.ops.stack([x[:, 0], x[:, -1]], 1))(x))
    data = BatchedKerasDataset(numbers, 4, shuffle=False, workers=workers)
    predicted = model.predict(data, verbose=0)
    assert predicted.tolist() == [[index, index] for index in range(count)]


def an_error_arrives_as_itself(workers: int) -> None:
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    try:
        model.fit(BatchedKerasDataset(Broken(bad=7), 4, workers=workers), verbose=0)
    except FileNotFoundError as error:
        assert "while reading sample 7 of Broken" in error.__notes__
    else:
        raise AssertionError("no error")


fit_gets_the_batches_of_core()
fit_gets_the_batches_of_core(workers=2)
fit_gets_the_batches_of_core(threads_per_worker=2)
memory_that_is_used_again_changes_no_batch(0)
memory_that_is_used_again_changes_no_batch(2)
an_error_arrives_as_itself(0)
an_error_arrives_as_itself(2)
sys.stdout.write(f"{keras.backend.backend()}\nok\n")
