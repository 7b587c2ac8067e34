"""Contenders for ``keras.Model.fit``, and the fit. The backend is that of KERAS_BACKEND."""

from __future__ import annotations

import inspect
import time
from itertools import pairwise
from typing import Any

import keras
import numpy as np

from ailab.data.keras import BatchedKerasDataset
from loading.workloads import collate

__all__ = ["Ready", "ailab", "fit", "plain", "ready", "seen"]


def ailab(dataset: Any, batch_size: int, **arguments: Any) -> Any:
    """AI Lab's adapter; an argument that this version does not know is an error, unless it says "none"."""
    known = inspect.signature(BatchedKerasDataset).parameters
    arguments = {name: value for name, value in arguments.items() if value != 0 or name in known}
    return BatchedKerasDataset(dataset, batch_size, shuffle=False, **arguments)


class Plain(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
    """Keras' own way: a PyDataset that collates with NumPy."""

    def __init__(self, dataset: Any, batch_size: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.dataset = dataset
        self.batch_size = batch_size

    def __len__(self) -> int:
        return len(self.dataset) // self.batch_size

    def __getitem__(self, index: int) -> Any:
        start = index * self.batch_size
        return collate([self.dataset[i] for i in range(start, start + self.batch_size)])


class Ready(keras.utils.PyDataset):  # type: ignore[misc]
    """The same ready batch for ever: no loader can be faster than this within ``fit``."""

    def __init__(self, batch: Any, length: int) -> None:
        super().__init__()
        self.batch = batch
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        return self.batch


def plain(dataset: Any, batch_size: int, **arguments: Any) -> Any:
    """Keras' own PyDataset."""
    return Plain(dataset, batch_size, **arguments)


def ready(dataset: Any, batch_size: int) -> Any:
    """The ceiling."""
    return Ready(collate([dataset[i] for i in range(batch_size)]), len(dataset) // batch_size)


class _Taking(keras.Model):  # type: ignore[misc]
    """A model whose training step takes the batch as ``fit`` hands it over, and does nothing with it.

    So what is measured is loading. TensorFlow's own step function alone takes longer than most batches.
    """

    def __init__(self) -> None:
        super().__init__()
        self.built = True

    def call(self, features: Any) -> Any:
        return features["x"]

    def make_train_function(self, force: bool = False) -> None:
        self.train_function = _next if keras.backend.backend() == "tensorflow" else _take


def _next(iterator: Any) -> dict[str, Any]:
    next(iterator)
    return {}


def _take(data: Any) -> dict[str, Any]:
    return {}


class _Keeping(_Taking):
    """A model that keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Any] = []

    def make_train_function(self, force: bool = False) -> None:
        keras.Model.make_train_function(self, force)

    def train_step(self, data: Any) -> dict[str, Any]:
        features, labels = data
        self.kept.append(({"x": _numpy(features["x"])}, {"y": _numpy(labels["y"])}))
        return {"kept": keras.ops.zeros(())}


def _numpy(tensor: Any) -> Any:
    return np.array(keras.ops.convert_to_numpy(tensor))


class Clock(keras.callbacks.Callback):  # type: ignore[misc]
    """Notes when the first batch is done and how long each epoch takes."""

    def __init__(self) -> None:
        super().__init__()
        self.start = time.perf_counter()
        self.first_batch: float | None = None
        self.ends: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.first_batch is None:
            self.first_batch = time.perf_counter() - self.start

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.ends.append(time.perf_counter() - self.start)


def warmed(batch: Any) -> Any:
    """A compiled model that has seen ``batch``, so that what Keras makes at first is in nobody's time."""
    model = _Taking()
    model.compile(optimizer=None, loss=None, jit_compile=False)
    model.fit(Ready(batch, 3), epochs=1, verbose=0, shuffle=False)
    return model


def fit(model: Any, loader: Any, epochs: int) -> tuple[float, list[float]]:
    """Seconds to the first batch and for each epoch."""
    clock = Clock()
    model.fit(loader, epochs=epochs, verbose=0, shuffle=False, callbacks=[clock])
    ends = [0.0, *clock.ends]
    return clock.first_batch or 0.0, [end - start for start, end in pairwise(ends)]


def seen(loader: Any, count: int) -> list[Any]:
    """The first ``count`` batches that ``fit`` hands to a model."""
    model = _Keeping()
    model.compile(optimizer=None, loss=None, run_eagerly=True)
    model.fit(loader, epochs=1, steps_per_epoch=count, verbose=0, shuffle=False)
    return list(model.kept)[:count]
