"""sacred with a FileStorageObserver: it writes everything anew every ten seconds."""

from __future__ import annotations

import json
import os

from sacred import Experiment
from sacred.observers import FileStorageObserver

from recording.calls import TEN, Calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["read", "session"]


def session(folder: str, body: Callable[[Calls], object]) -> None:
    experiment = Experiment("benchmark", save_git_info=False)
    experiment.observers.append(FileStorageObserver(folder))

    @experiment.main  # type: ignore[untyped-decorator]
    def train(_run: object) -> None:
        def ten(step: int, value: float) -> None:
            for name in TEN:
                experiment.log_scalar(name, value, step)

        body(Calls(lambda step, value: experiment.log_scalar("loss", value, step), ten))

    experiment.run()


def read(folder: str) -> Sequence[float]:
    if not os.path.exists(f"{folder}/1/metrics.json"):  # noqa: PTH110
        return []  # it comes with the first writing
    with open(f"{folder}/1/metrics.json") as file:  # noqa: PTH123
        found: Sequence[float] = json.load(file).get("loss", {}).get("values", [])
        return found
