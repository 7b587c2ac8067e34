"""One training of the soak: ``python writer.py PLAN``, with a `Plan` as JSON.

It logs numbers of which everybody knows what they must be, and tells, in memory that outlives it, how many of each it
was told are logged.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["MOST_VALUES", "Plan", "Told", "worth"]

MOST_VALUES = 15_000
"""Of a metric and segment: as many as one answer of the server can hold without leaving any out."""

_COUNTS = struct.Struct("<6Q")


@dataclass(frozen=True)
class Plan:
    """What a training is to do. ``end``: finish, fail, or go on until a signal comes."""

    workspace: str
    experiment: str
    run: str
    segment: int
    told: str
    end: str
    seconds: float
    burst: int
    pause: float
    system: bool

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @property
    def metric(self) -> str:
        return f"loss{self.segment}"

    @property
    def folder(self) -> Path:
        return Path(self.workspace, self.experiment, self.run)


@dataclass(frozen=True)
class Told:
    """What had returned to a training before it ended: numbers of values, batches, images, texts; and stages."""

    values: int
    batches: int
    images: int
    texts: int
    started: int
    done: int

    @classmethod
    def read(cls, file: str) -> Told:
        return cls(*_COUNTS.unpack(Path(file).read_bytes()))


def worth(segment: int, number: int) -> float:
    """The value that a metric has at a step."""
    return segment * 1e6 + number * 0.5


def main() -> None:
    plan = Plan(**json.loads(sys.argv[1]))
    fd = os.open(plan.told, os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(fd, _COUNTS.size)
    shared = mmap.mmap(fd, _COUNTS.size)

    def tell(field: int, count: int) -> None:
        shared[8 * field : 8 * field + 8] = struct.pack("<Q", count)

    import numpy as np

    import ailab.experiment.logging as log
    from ailab.experiment import Config

    config = Config()
    config.train.experiment_name = plan.experiment
    config.train.seed = plan.segment
    for name in ("model", "loss", "metrics", "prepare"):
        setattr(config.arch, name, print)
    log.setup(
        config=config,
        workspace=plan.workspace,
        run_id=plan.run,
        snapshot=False,
        system_seconds=2.0 if plan.system else None,
    )
    tell(4, 1)
    began = time.monotonic()
    values = batches = 0
    while (spent := time.monotonic() - began) < plan.seconds:
        for _ in range(min(plan.burst, MOST_VALUES - values)):
            log.log_value(plan.metric, worth(plan.segment, values), step=values, primary=True)
            values += 1
            tell(0, values)
        if batches < MOST_VALUES:
            log.log({f"train{plan.segment}": {"acc": batches / MOST_VALUES, "nan": float("nan")}}, step=batches)
            batches += 1
            tell(1, batches)
        if batches % 40 == 1:
            log.log_image("picture", np.full((32, 32, 3), batches % 256, np.uint8))
            tell(2, batches // 40 + 1)
        if batches % 10 == 1:
            log.log_text("note", f"at {values}")
            tell(3, batches // 10 + 1)
            print(f"{plan.run}: {values} values")
        log.update_progress(min(1.0, spent / plan.seconds))
        time.sleep(plan.pause)
    tell(5, 1)
    if plan.end == "fail":
        raise RuntimeError("as planned")
    log.finish()


if __name__ == "__main__":
    main()
