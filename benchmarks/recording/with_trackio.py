"""trackio, into a folder of this machine: a queue that a thread writes to SQLite."""

from __future__ import annotations

import os

from recording.calls import TEN, Calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["read", "session"]


def session(folder: str, body: Callable[[Calls], object]) -> None:
    os.environ["TRACKIO_DIR"] = folder  # read when trackio is imported
    import trackio

    trackio.init(project="benchmark", name="run", embed=False)
    body(
        Calls(
            lambda step, value: trackio.log({"loss": value}),
            lambda step, value: trackio.log(dict.fromkeys(TEN, value), step=step),
            lambda step, pixels: trackio.log({"image": trackio.Image(pixels)}),
        )
    )
    trackio.finish()


def read(folder: str) -> Sequence[float]:
    os.environ["TRACKIO_DIR"] = folder
    from trackio.sqlite_storage import SQLiteStorage

    return [row["loss"] for row in SQLiteStorage.get_logs("benchmark", "run") if "loss" in row]
