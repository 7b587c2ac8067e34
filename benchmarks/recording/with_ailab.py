"""AI Lab as its README says, with every default: code snapshot, captured output and system metrics included."""

from __future__ import annotations

from ailab.experiment import Config, start
from ailab.experiment import logging as log
from recording.calls import TEN, Calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

__all__ = ["read", "session"]


class Part: ...


class BenchmarkConfig(Config):
    def __init__(self) -> None:
        super().__init__()
        self.train.experiment_name = "benchmark"
        self.train.batch_size = 64
        for part in ("model", "loss", "metrics", "prepare"):
            setattr(self.arch, part, Part)
        self.check_completness()


def session(folder: str, body: Callable[[Calls], object]) -> None:
    with start(BenchmarkConfig(), workspace=folder) as run:
        body(
            Calls(
                lambda step, value: log.log_value("loss", value),
                lambda step, value: run.log(dict.fromkeys(TEN, value), step=step),
                lambda step, pixels: run.log_image("image", pixels),
            )
        )


def read(folder: str) -> Sequence[float]:
    from ailab.experiment import Workspace

    (run,) = Workspace(folder)
    values: Any = run.values("loss")["value"]
    found: Sequence[float] = values
    return found
