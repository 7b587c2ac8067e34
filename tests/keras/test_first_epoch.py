"""The same data trained with Keras and with torch: the models see the same batches, bit for bit."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from ailab.data import ComposeTransforms, Dataset, TransformedDataset, rng
from ailab.data.keras import BatchedKerasDataset
from ailab.data.pytorch import BatchedPytorchDataset
from ailab.testing.samples import assert_same

EPOCHS = 2


class Curves(Dataset):
    version = "1"

    def __len__(self) -> int:
        return 90

    def __getitem__(self, index: int) -> Any:
        x = np.linspace(index, index + 1, 8, dtype=np.float32)
        return {"x": x}, {"y": np.float32(np.sin(x).sum())}


def noisy(features: Any, labels: Any) -> Any:
    return {"x": features["x"] + rng().normal(0, 0.1, 8).astype(np.float32)}, labels


def data() -> Any:
    return TransformedDataset(Curves(), ComposeTransforms([noisy]))


class Seeing(keras.Model):  # type: ignore[misc]
    """A model that keeps the batches it is trained with."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.seen: list[Any] = []

    def call(self, features: Any) -> Any:
        return self.dense(features["x"])

    def train_step(self, batch: Any) -> Any:
        features, labels = batch
        tf.py_function(self._see, [features["x"], labels["y"]], [])
        return super().train_step((features, labels["y"]))

    def _see(self, x: Any, y: Any) -> None:
        self.seen.append(({"x": x.numpy().copy()}, {"y": y.numpy().copy()}))


def seen_by_keras(**arguments: Any) -> list[Any]:
    model = Seeing()
    model.compile("sgd", "mse")
    model.fit(BatchedKerasDataset(data(), 16, seed=7, **arguments), epochs=EPOCHS, verbose=0)
    return model.seen


def seen_by_torch(**arguments: Any) -> list[Any]:
    model = torch.nn.Linear(8, 1)
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    loader = BatchedPytorchDataset(data(), 16, seed=7, **arguments)
    seen = []
    for _ in range(EPOCHS):
        for features, labels in loader:
            seen.append(({"x": features["x"].numpy().copy()}, {"y": labels["y"].numpy().copy()}))
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(features["x"])[:, 0], labels["y"]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return seen


@pytest.mark.parametrize(
    ("keras_workers", "torch_workers"),
    [(0, 0), (2, 0), (0, 2), (2, 2), ("auto", "auto")],
)
def test_keras_and_torch_train_on_the_same_batches(keras_workers: Any, torch_workers: Any) -> None:
    by_keras = seen_by_keras(workers=keras_workers)
    by_torch = seen_by_torch(num_workers=torch_workers)
    assert len(by_torch) == EPOCHS * 6
    assert_same(tuple(by_keras), tuple(by_torch))


def test_another_seed_would_show() -> None:
    first, *_ = seen_by_keras()
    batched = BatchedPytorchDataset(data(), 16, seed=8)
    features, _ = next(iter(batched))
    assert not np.array_equal(first[0]["x"], features["x"].numpy())
