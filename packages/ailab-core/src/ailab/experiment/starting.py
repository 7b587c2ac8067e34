"""Starting a run, and the one in progress."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ailab import current
from ailab.errors import shown
from ailab.experiment.config import Config
from ailab.plugins import shared_manager

if TYPE_CHECKING:
    from ailab.experiment.run import ActiveRun

__all__ = ["SYSTEM_SECONDS", "current_run", "finish", "on_start", "run_in_progress", "start"]

SYSTEM_SECONDS = 10.0
"""How often the machine's state is logged."""

on_start: list[Callable[[ActiveRun], None]] = []
"""Called with each run that is started: ``ailab.experiment.logging`` keeps its fastest path to it."""

_run: ActiveRun | None = None


def start(
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
) -> ActiveRun:
    """Start a run: make its folder, keep the configuration and the code of the working directory.

    ``with ailab.experiment.start(config) as run:`` ends it with the block: finished, failed with the traceback of what
    was raised, or killed by Ctrl-C. Otherwise it ends with the process. A run in progress is finished first. With
    ``AILAB_MODE=disabled`` nothing is written and everything is checked. The ranks of a distributed training (torchrun,
    Slurm, or ``RANK``, ``WORLD_SIZE``, ``MASTER_ADDR`` and ``MASTER_PORT``) log into one run: the first makes it, the
    others wait for it, a minute at most; ``AILAB_RANKS=apart`` gives each its own.

    Args:
        config: every parameter; from now on in use and frozen.
        workspace: the folder of all experiments; default: the environment variable ``AILAB_WORKSPACE``, else
            ``config.train.checkpoint_path``.
        run_id: go on with the run whose folder has this name, or make it; default: ``AILAB_RUN_ID``, else a new run.
            Steps go on where they were.
        name: what people call the run; default: ``AILAB_NAME``.
        tags: words to find it by; those of ``AILAB_TAGS`` (comma-separated) come on top.
        notes: text about it.
        snapshot: keep the code of the working directory.
        capture_output: copy what is printed to the run's ``output.log``.
        system_seconds: how often the load of processors, memory, disks, network and GPUs is logged as ``system/...``;
            None never.

    Raises:
        TypeError: ``config`` is no Config, or another argument is of the wrong type.
        ValueError: ``config`` is incomplete, a name cannot be a folder's, no workspace is known, or a living process
            writes the run ``run_id``. A run in progress then goes on.
        OSError: the workspace cannot be written to.
    """
    global _run
    # Late, so that a program that only wants a Config does not pay for it.
    from ailab.experiment.edits import check_tags
    from ailab.experiment.opening import open_run
    from ailab.experiment.run import ActiveRun
    from ailab.experiment.variables import from_environment

    if not isinstance(config, Config):
        raise TypeError(f"config must be an instance of a Config subclass, got {shown(config)}")
    settings = from_environment()
    words: dict[str, Any] = {
        "name": _text("name", name) or settings.name,
        "tags": check_tags((*check_tags(tags), *settings.tags)),
        "notes": _text("notes", notes) or "",
    }
    seconds = _seconds(system_seconds)
    chosen = None if settings.disabled else _workspace(config, workspace)
    in_use = current.config()
    config.check_completeness()
    try:
        plugins = shared_manager()
        opening = None
        if chosen is not None:
            wanted = None if settings.always_new else run_id or settings.run_id
            opening = open_run(config, chosen, plugins, wanted, settings.together)
    except BaseException:
        current.use_config(in_use)  # a run in progress goes on as if nothing had been asked
        raise
    finish()
    _run = ActiveRun(config, opening, plugins, Path.cwd() if snapshot else None, capture_output, seconds, **words)
    for listener in on_start:
        listener(_run)
    return _run


def finish() -> None:
    """End the run in progress as finished, rather than with the process. Without one this does nothing."""
    global _run
    if _run is not None:
        _run.finish()
        _run = None


def current_run() -> ActiveRun:
    """The run in progress.

    Raises:
        RuntimeError: there is none.
    """
    run = run_in_progress()
    if run is None:
        raise RuntimeError(
            "logging is not set up: call log.setup(config=config) before logging, where log is ailab.experiment.logging"
        )
    return run


def run_in_progress() -> ActiveRun | None:
    """The run in progress, or None."""
    return _run if _run is not None and _run.state == "running" else None


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


def _text(argument: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{argument} must be a string, got {shown(value)}")
    return value


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"system_seconds must be a number or None, got {shown(value)}")
    if not 0 < value < 1e6:
        raise ValueError(f"system_seconds must be positive seconds, got {value}")
    return float(value)
