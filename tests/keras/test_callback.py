from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import ailab.experiment.logging as log
from ailab.data.keras import BatchedKerasDataset
from ailab_keras import LogCallback


class Log:
    """Stands for ailab.experiment.logging and keeps what it is told."""

    def __init__(self) -> None:
        self.values: list[tuple[str, float, int | None, bool]] = []
        self.progress: list[float] = []

    def log_value(self, name: str, value: Any, *, step: int | None = None, primary: bool = False) -> None:
        self.values.append((name, float(value), step, primary))

    def update_progress(self, value: float) -> None:
        self.progress.append(value)

    def of(self, name: str) -> list[tuple[float, int | None]]:
        return [(value, step) for each, value, step, _ in self.values if each == name]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Log:
    told = Log()
    monkeypatch.setattr(log, "log_value", told.log_value)
    monkeypatch.setattr(log, "update_progress", told.update_progress)
    return told


def frozen_model(**arguments: Any) -> Any:
    """Its prediction is always 0 and it does not learn, so the loss of a batch is its labels' mean square."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.0), "mse", **arguments)
    return model


DATA = BatchedKerasDataset([(np.ones(1, np.float32), np.full(1, i, np.float32)) for i in range(10)], 4, shuffle=False)
LOSSES = [np.mean(np.square(part)) for part in ([0, 1, 2, 3], [4, 5, 6, 7], [8, 9])]


def test_each_batchs_own_loss_is_primary(told: Log) -> None:
    frozen_model().fit(DATA, epochs=2, verbose=0, callbacks=[LogCallback()])
    values, steps = zip(*told.of("loss"), strict=True)
    assert values == pytest.approx(LOSSES * 2, rel=1e-4)
    assert list(steps) == list(range(6))
    assert {(name, primary) for name, _, _, primary in told.values} == {("loss", True), ("epoch_loss", False)}


def test_epochs_report_everything_that_keras_does(told: Log) -> None:
    frozen_model(metrics=["mae"]).fit(DATA, validation_data=DATA, epochs=2, verbose=0, callbacks=[LogCallback()])
    assert told.of("epoch_loss") == [(pytest.approx(28.5), 2), (pytest.approx(28.5), 5)]
    assert told.of("mae") == [(pytest.approx(4.5), 2), (pytest.approx(4.5), 5)]
    assert told.of("val_loss") == [(pytest.approx(28.5), 2), (pytest.approx(28.5), 5)]


def test_the_loss_need_not_be_primary(told: Log) -> None:
    frozen_model().fit(DATA, verbose=0, callbacks=[LogCallback(primary=False)])
    assert not any(primary for *_, primary in told.values)


def test_progress_rises_to_one(told: Log) -> None:
    frozen_model().fit(DATA, epochs=2, verbose=0, callbacks=[LogCallback()])
    assert told.progress == sorted(told.progress)
    assert told.progress[0] == pytest.approx(1 / 6)
    assert told.progress[-1] == 1


def test_progress_is_not_told_more_often_than_it_shows(told: Log) -> None:
    data = BatchedKerasDataset([(np.ones(1, np.float32), np.ones(1, np.float32))] * 400, 1)
    frozen_model().fit(data, epochs=1, verbose=0, callbacks=[LogCallback()])
    assert 50 < len(told.progress) <= 101
    assert told.progress[-1] == 1


def test_steps_per_execution_gives_their_mean(told: Log) -> None:
    frozen_model(steps_per_execution=3).fit(DATA, verbose=0, callbacks=[LogCallback()])
    assert told.of("loss") == [(pytest.approx(28.5), 0)]


def test_a_train_step_without_a_loss_metric(told: Log) -> None:
    class Own(keras.Model):  # type: ignore[misc]
        def train_step(self, data: Any) -> dict[str, Any]:
            return {"loss": keras.ops.convert_to_tensor(0.25)}

    model = Own()
    model.compile("sgd")
    model.fit(DATA, verbose=0, callbacks=[LogCallback()])
    assert [value for value, _ in told.of("loss")] == [0.25] * 3


def test_writes_a_run(workspace: Path) -> None:
    from ailab.experiment import Config

    config = Config()
    for name in ("model", "loss", "metrics", "prepare"):
        setattr(config.arch, name, frozen_model)
    folder = log.setup(config=config, snapshot=False, capture_output=False)
    frozen_model().fit(DATA, verbose=0, callbacks=[LogCallback()])
    log.finish()
    assert workspace in folder.parents
    (lines,) = folder.glob("streams/*.jsonl")
    names = {event.get("name") for event in map(json.loads, lines.read_text().splitlines())}
    assert {"loss", "epoch_loss"} <= names


def test_one_callback_for_two_fits(told: Log) -> None:
    callback = LogCallback()
    first = BatchedKerasDataset([(np.ones(1, np.float32), np.ones(1, np.float32))] * 2, 2)
    frozen_model().fit(first, verbose=0, callbacks=[callback])
    frozen_model().fit(DATA, verbose=0, callbacks=[callback])
    values, steps = zip(*told.of("loss"), strict=True)
    assert values == pytest.approx([1.0, *LOSSES], rel=1e-4)
    assert list(steps) == [0, 1, 2, 3]
