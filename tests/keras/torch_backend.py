"""Run by test_dataset.py in a process of its own, with KERAS_BACKEND=torch: Keras has one backend a process."""

from __future__ import annotations

import sys
from typing import Any

import keras

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


def model_and_data() -> tuple[Any, Recorder]:
    x = keras.Input((4,), name="x")
    model = keras.Model({"x": x}, {"y": keras.layers.Dense(1, name="y")(x)})
    model.compile("sgd", "mse")
    data = Recorder(DATASET, 4, seed=3)
    data.given = []
    return model, data


def fit_gets_the_batches_of_core() -> None:
    model, data = model_and_data()
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


def an_error_arrives_as_itself() -> None:
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    try:
        model.fit(BatchedKerasDataset(Broken(bad=7), 4), verbose=0)
    except FileNotFoundError as error:
        assert "while reading sample 7 of Broken" in error.__notes__
    else:
        raise AssertionError("no error")


fit_gets_the_batches_of_core()
an_error_arrives_as_itself()
sys.stdout.write(f"{keras.backend.backend()}\nok\n")
