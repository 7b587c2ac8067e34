"""Aim, into a repository in the folder."""

from __future__ import annotations

import subprocess
import sys

from aim import Image, Repo, Run

from recording.calls import TEN, Calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["prepare", "read", "session"]


def session(folder: str, body: Callable[[Calls], object]) -> None:
    run = Run(repo=folder)
    body(
        Calls(
            lambda step, value: run.track(value, name="loss", step=step),
            lambda step, value: run.track(dict.fromkeys(TEN, value), step=step),
            lambda step, pixels: run.track(Image(pixels), name="image", step=step),
        )
    )
    run.close()


def prepare(folder: str) -> None:
    """``aim storage reindex``: without it, or a running ``aim up``, no query finds a run."""
    command = [f"{sys.prefix}/bin/aim", "storage", "--repo", folder, "reindex", "--yes"]
    subprocess.run(command, check=True, capture_output=True)


def read(folder: str) -> Sequence[float]:
    for metrics in Repo(folder).query_metrics("metric.name == 'loss'").iter_runs():
        for metric in metrics:
            values: Sequence[float] = metric.values.sparse_numpy()[1]
            return values
    return []
