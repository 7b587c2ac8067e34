"""Logging of the run in progress: ``import ailab.experiment.logging as log``.

``setup`` starts a run; it ends by itself with the process (finished, failed with its traceback, or killed) or with
``finish``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ailab import current
from ailab.errors import shown
from ailab.experiment.config import Config
from ailab.experiment.run import Run, prepare_folder
from ailab.plugins import shared_manager

__all__ = ["current_run", "finish", "log_image", "log_value", "setup", "update_progress"]

_run: Run | None = None


def setup(
    config: Config,
    *,
    workspace: str | os.PathLike[str] | None = None,
    snapshot: bool = True,
    capture_output: bool = True,
) -> Path:
    """Start a run: make its folder, keep the configuration and the code of the working directory.

    A run in progress is finished first.

    Args:
        config: every parameter; from now on in use and frozen.
        workspace: the folder of all experiments; default: the environment variable ``AILAB_WORKSPACE``, else
            ``config.train.checkpoint_path``.
        snapshot: copy the code of the working directory to the run's ``src/``.
        capture_output: copy what is printed to the run's ``output.log``.

    Returns:
        The run's folder. ``checkpoints/`` in it is yours.

    Raises:
        TypeError: ``config`` is no Config.
        ValueError: ``config`` is incomplete, the experiment's name cannot be a folder's, or no workspace is known.
            A run in progress then goes on.
        OSError: the workspace cannot be written to.
    """
    global _run
    if not isinstance(config, Config):
        raise TypeError(f"config must be an instance of a Config subclass, got {shown(config)}")
    chosen = _workspace(config, workspace)
    in_use = current.config()
    config.check_completeness()
    try:
        folder = prepare_folder(config, chosen, shared_manager())
    except BaseException:
        current.use_config(in_use)  # a run in progress goes on as if nothing had been asked
        raise
    finish()
    _run = Run(config, folder, shared_manager(), Path.cwd() if snapshot else None, capture_output)
    return _run.path


def _workspace(config: Config, argument: str | os.PathLike[str] | None) -> Path:
    named = {
        "workspace": argument,
        "the environment variable AILAB_WORKSPACE": os.environ.get("AILAB_WORKSPACE") or None,
        "config.train.checkpoint_path": config.train.get("checkpoint_path", None),
    }
    name, value = next(((name, value) for name, value in named.items() if value is not None), ("workspace", None))
    if not isinstance(value, str | os.PathLike) or not (text := os.fspath(value)) or "\0" in str(text):
        raise ValueError(f"{name} must be the path of a folder for all experiments, got {shown(value)}")
    return Path(os.fsdecode(text)).expanduser()


def log_value(name: str, value: Any, *, step: int | None = None, primary: bool = False) -> None:
    """Log one number. It is in the kernel's hands when this returns, so it survives the death of the process.

    Args:
        name: of the metric; ``/`` groups, as in ``train/loss``.
        value: a Python or NumPy number, or a framework's tensor with one element. NaN and infinities are kept.
        step: default: one more than the metric's last, from 0. Any order is fine.
        primary: show this metric on the front page; the first one logged so is the one.

    Raises:
        RuntimeError: ``setup`` has not been called.
        TypeError, ValueError: an argument is not as above.
    """
    current_run().log_value(name, value, step=step, primary=primary)


def log_image(name: str, data: Any = None, *, step: int | None = None) -> None:
    """Log an image as ``images/NAME.png``; older ones stay beside it as ``images/NAME@STEP.png``.

    Args:
        name: a plain file name without its ending.
        data: an array of shape (h, w, 1) or (h, w, 3), uint8 0..255, bool, or floating point 0..1; a matplotlib figure;
            default: the current figure,
            which stays open.
        step: default: one more than the image's last, from 0.

    Raises:
        RuntimeError: ``setup`` has not been called.
        TypeError, ValueError: an argument is not as above.
    """
    current_run().log_image(name, data, step=step)


def update_progress(value: float) -> None:
    """Say how much of the run is done: 0 (nothing) to 1 (all).

    The remaining time follows from it; call it as often as you like.

    Raises:
        RuntimeError: ``setup`` has not been called.
        TypeError, ValueError: ``value`` is no number between 0 and 1.
    """
    current_run().update_progress(value)


def finish() -> None:
    """End the run in progress as finished, rather than with the process. Without one this does nothing."""
    global _run
    if _run is not None:
        _run.finish()
        _run = None


def current_run() -> Run:
    """The run in progress.

    Raises:
        RuntimeError: there is none.
    """
    if _run is None or _run.state != "running":
        raise RuntimeError(
            "logging is not set up: call log.setup(config=config) before logging, where log is ailab.experiment.logging"
        )
    return _run
