"""Logging of the run in progress: ``import ailab.experiment.logging as log``.

``setup`` starts a run; it ends by itself with the process (finished, failed with its traceback, or killed) or with
``finish``. Every function may be called from any thread, raises RuntimeError before ``setup``, and TypeError or
ValueError for arguments that are not as described.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from struct import error as _struct_error
from typing import TYPE_CHECKING, Any, TypeVar

from ailab.experiment import starting
from ailab.experiment.config import Config
from ailab.experiment.starting import SYSTEM_SECONDS, current_run

if TYPE_CHECKING:
    from ailab.experiment.progress import Progress
    from ailab.experiment.record.metric import Series
    from ailab.experiment.run import ActiveRun

__all__ = [
    "current_run",
    "finish",
    "log",
    "log_file",
    "log_histogram",
    "log_image",
    "log_table",
    "log_text",
    "log_value",
    "progress",
    "setup",
    "update_progress",
]

T = TypeVar("T")

# The `ActiveRun.series` of the run in progress; it may have been started before this module was imported.
_series: dict[str, Series] = {} if starting.run_in_progress() is None else current_run().series


def _use(run: ActiveRun) -> None:
    global _series
    _series = run.series


starting.on_start.append(_use)


def setup(
    config: Config,
    *,
    workspace: str | os.PathLike[str] | None = None,
    run_id: str | None = None,
    name: str | None = None,
    tags: Sequence[str] = (),
    notes: str = "",
    snapshot: bool = True,
    capture_output: bool = True,
    system_seconds: float | None = SYSTEM_SECONDS,
) -> Path:
    """As ``ailab.experiment.start``, which see.

    Returns:
        The run's folder. ``checkpoints/`` in it is yours. With ``AILAB_MODE=disabled`` an empty one that ends with the
        process.
    """
    return starting.start(
        config,
        workspace=workspace,
        run_id=run_id,
        name=name,
        tags=tags,
        notes=notes,
        snapshot=snapshot,
        capture_output=capture_output,
        system_seconds=system_seconds,
    ).path


def log_value(name: str, value: Any, *, step: int | None = None, primary: bool = False) -> None:
    """Log one number. It is in the kernel's hands when this returns, so it survives the death of the process.

    Args:
        name: of the metric; ``/`` groups, as in ``train/loss``.
        value: a Python or NumPy number, or a framework's tensor with one element. NaN and infinities are kept, and
            reported once for each metric.
        step: default: one more than the metric's last, from 0. Any order is fine.
        primary: show this metric on the front page; the first one logged so is the one.
    """
    # The same as the beginning of ActiveRun.log_value, for a call less.
    try:
        series = _series[name]
        if (
            type(value) is float
            and (step is None or type(step) is int)
            and (not primary or series.primary)
            and (value - value == 0.0 or series.flagged)
        ):
            series.write(series, value, step)
            return
    except (KeyError, TypeError, _struct_error):
        pass
    current_run().log_value(name, value, step=step, primary=primary)


def log(values: Mapping[str, Any], *, step: int | None = None) -> None:
    """Log several numbers, all with one ``step`` (default: each metric's next).

    Args:
        values: numbers by name, as for `log_value`; a dict inside the dict becomes ``outer/inner``.
    """
    current_run().log(values, step=step)


def log_image(name: str, data: Any = None, *, step: int | None = None, caption: str | None = None) -> None:
    """Log an image as ``images/NAME.png``; older ones stay beside it as ``images/NAME@STEP.png``.

    It is encoded and written in the background; ``data`` may be changed as soon as this returns.

    Args:
        name: a plain file name without its ending.
        data: an array of shape (h, w, 1) or (h, w, 3), uint8 0..255, bool, or floating point 0..1; a Pillow image; a
            matplotlib figure; default: the current figure, which stays open.
        step: default: one more than the image's last, from 0.
        caption: a line about it.
    """
    current_run().log_image(name, data, step=step, caption=caption)


def log_text(name: str, text: str, *, step: int | None = None) -> None:
    """Log a text, such as a sample that a model wrote. A long one becomes a file in ``texts/``.

    Args:
        name: as a metric's.
        text: any.
        step: default: one more than the text's last, from 0.
    """
    current_run().log_text(name, text, step=step)


def log_table(name: str, data: Any, *, columns: Sequence[str] | None = None, step: int | None = None) -> None:
    """Log a table as ``tables/NAME@STEP.csv``.

    Args:
        name: a plain file name without its ending.
        data: a dict of columns, a list of rows (dicts or sequences), a two-dimensional array, or a DataFrame.
        columns: their names, for rows without.
        step: default: one more than the table's last, from 0.
    """
    current_run().log_table(name, data, columns=columns, step=step)


def log_histogram(name: str, values: Any, *, bins: int = 64, step: int | None = None) -> None:
    """Log how numbers are distributed; they are counted in the background.

    Args:
        name: as a metric's.
        values: an array of any shape, or what NumPy makes one of. NaN and infinities are counted apart.
        bins: how many, of one width, from the least to the greatest.
        step: default: one more than the histogram's last, from 0.
    """
    current_run().log_histogram(name, values, bins=bins, step=step)


def log_file(path: str | os.PathLike[str], name: str | None = None, *, step: int | None = None) -> None:
    """Keep a copy of a file as ``files/NAME@STEP.ending``; it is made in the background.

    Args:
        path: the file; it may be deleted as soon as this returns, but not be changed.
        name: default: the file's own.
        step: default: one more than the file's last, from 0.
    """
    current_run().log_file(path, name, step=step)


def update_progress(value: float) -> None:
    """Say how much of the run is done: 0 (nothing) to 1 (all).

    The remaining time follows from it; call it as often as you like.
    """
    current_run().update_progress(value)


def progress(items: Iterable[T], *, total: int | None = None) -> Progress[T]:
    """``for batch in log.progress(loader):`` drives the run's progress and shows it as a bar in a terminal.

    A loop inside another fills the outer one's current step: wrap both the epochs and the batches.

    Args:
        items: what to run through.
        total: how many there are; default: ``len(items)``. Without either the progress stays where it is.
    """
    return current_run().progress(items, total=total)


def finish() -> None:
    """End the run in progress as finished, rather than with the process. Without one this does nothing."""
    starting.finish()
