"""Worker processes beside a training with TensorFlow, torch or JAX."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, NoReturn

from ailab.data.batches import BatchLoader
from ailab.data.batches.waiting import Waiting
from ailab.data.engine.runner import Runner, Workers
from ailab.data.engine.worker import Key, Load

__all__ = ["Beginning", "Streams", "TensorFlowInWorker"]


class TensorFlowInWorker(RuntimeError):
    """A dataset has called TensorFlow in a forked process."""


class Beginning:
    """Called in a worker process before any sample is read.

    Frameworks compute in threads of their own, which a fork does not take along: what is given to them there is
    never done, and a training would hang. Pickled, it is on its way to a process that is not a fork.
    """

    def __init__(self) -> None:
        self._forked = True

    def __getstate__(self) -> dict[str, Any]:
        return {"_forked": False}

    def __call__(self, number: int, workers: int, load: Load) -> None:
        torch: Any = sys.modules.get("torch")
        if torch is not None:
            torch.set_num_threads(1)  # the workers share the CPUs among them, and OpenMP's threads are gone
        if self._forked and "tensorflow" in sys.modules:
            _refuse_tensorflow()


class Streams:
    """Streams of the batches of ``loader`` by `Runner`."""

    def __init__(self, loader: BatchLoader, workers: Workers) -> None:
        self._runner = Runner(loader, replace(workers, initialize=Beginning()))

    @property
    def chosen(self) -> tuple[int, int] | None:
        """See `Runner.chosen`."""
        return self._runner.chosen

    def stream(self, keys: Iterable[Key]) -> Iterator[Any]:
        """See `Runner.stream`."""
        if "jax" not in sys.modules:
            return self._runner.stream(keys)
        with warnings.catch_warnings():
            # JAX warns of any fork, and is right for those in which somebody uses it.
            warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
            return self._runner.stream(keys)

    def report(self, waiting: Waiting) -> None:
        """See `Runner.report`."""
        self._runner.report(waiting)


def _refuse_tensorflow() -> None:
    from tensorflow.python import pywrap_tfe

    # Every eager operation goes through one of these.
    pywrap_tfe.TFE_Py_FastPathExecute = pywrap_tfe.TFE_Py_Execute = _refuse


def _refuse(*_: object) -> NoReturn:
    raise TensorFlowInWorker(
        "the dataset has called TensorFlow in a worker process, where it may hang: it does not survive a fork. "
        'Use NumPy there, or workers=0 with threads_per_worker=, or multiprocessing_context="spawn"'
    )
