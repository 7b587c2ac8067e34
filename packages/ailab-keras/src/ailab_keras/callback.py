"""Logging of a Keras training."""

from __future__ import annotations

from typing import Any

import keras

import ailab.experiment.logging as log

__all__ = ["LogCallback"]

_PROGRESS_STEP = 0.01  # no page or terminal shows less


class LogCallback(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Logs a ``fit`` to the run in progress; call ``ailab.experiment.logging.setup`` first.

    - ``loss``, the run's primary value: the loss of each batch (Keras itself shows the mean since the epoch's
      start). With ``steps_per_execution`` it is the mean of those steps.
    - After each epoch everything Keras reports, such as ``accuracy`` and ``val_loss``; the epoch's mean loss
      as ``epoch_loss``. The step of all values is the number of training steps done before, from 0.
    - The progress.

    Args:
        primary: whether the loss is the run's primary value.
    """

    def __init__(self, primary: bool = True) -> None:
        super().__init__()
        self._primary = primary
        self._step = 0
        self._epoch = 0
        self._progress = 0.0
        self._seen = (0.0, 0.0)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._progress = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch = epoch
        self._seen = (0.0, 0.0)  # Keras starts its mean anew

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        loss = self._batch_loss(logs or {})
        if loss is not None:
            log.log_value("loss", loss, step=self._step, primary=self._primary)
        self._step += 1
        steps = self.params.get("steps")
        if steps:
            self._move_to((self._epoch + (batch + 1) / steps) / self.params["epochs"], _PROGRESS_STEP)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for name, value in (logs or {}).items():
            log.log_value("epoch_loss" if name == "loss" else name, value, step=max(self._step - 1, 0))
        self._move_to((epoch + 1) / self.params["epochs"], 0.0)

    def _batch_loss(self, logs: dict[str, Any]) -> Any:
        """The batch's own loss: the mean's sum has grown by it, times the samples by which the count has."""
        mean = next((m for m in self.model.metrics if m.name == "loss" and hasattr(m, "total")), None)
        if mean is None:
            return logs.get("loss")  # a model with a train_step of its own
        total, count = float(mean.total), float(mean.count)
        before, seen = self._seen
        self._seen = (total, count)
        if count <= seen:
            return logs.get("loss")  # the JAX backend brings its metrics up to date only at the end of an epoch
        return (total - before) / (count - seen)

    def _move_to(self, progress: float, least: float) -> None:
        progress = min(progress, 1.0)
        if progress - self._progress >= least:
            self._progress = progress
            log.update_progress(progress)
