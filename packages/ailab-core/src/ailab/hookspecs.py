"""Every extension point of the core, as a pluggy hook spec.

Plugins implement any of them under ``ailab.plugins.hookimpl``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ailab.plugins.markers import hookspec

if TYPE_CHECKING:
    import click
    import numpy as np
    import numpy.typing as npt
    import pluggy

    from ailab.experiment.config import Config
    from ailab.experiment.run import ActiveRun

__all__ = ["DataAdapter"]


@dataclass(frozen=True)
class DataAdapter:
    """How an adapter announces itself: its plugin name, its framework, ``"module:class"`` of the batched dataset."""

    name: str
    framework: str
    batched: str


# --- plugins ---


@hookspec
def ailab_add_hookspecs(manager: pluggy.PluginManager) -> None:
    """Fires once after all plugins are loaded: call ``manager.add_hookspecs(module)`` to declare hooks of your own."""


@hookspec
def ailab_cli_commands() -> Sequence[click.Command]:  # type: ignore[empty-body]
    """Fires when the ``ailab`` command starts: return click commands to add to it."""


# --- data ---


@hookspec
def ailab_data_adapter() -> DataAdapter:  # type: ignore[empty-body]
    """Fires when adapters are listed: announce the framework whose batches you supply."""


# --- config ---


@hookspec
def ailab_config_defaults(config: Config) -> None:
    """Fires while a Config is made, after core's own defaults and before the subclass's: set defaults on ``config``."""


@hookspec
def ailab_config_problems(config: Config) -> Sequence[str]:  # type: ignore[empty-body]
    """Fires in ``check_completeness``: return one line for each thing that is wrong or missing."""


@hookspec(firstresult=True)
def ailab_config_encode(value: object) -> Any:
    """Fires for each value in a Config that JSON cannot hold: return what to write instead, or None if not yours."""


# --- logging ---


@hookspec
def ailab_run_started(run: ActiveRun) -> None:
    """Fires once a run's folder is complete and before anything is logged."""


@hookspec
def ailab_value_logged(run: ActiveRun, name: str, value: float, step: int, time: float, primary: bool) -> None:
    """Fires after a value is written. ``time``: seconds since the epoch."""


@hookspec
def ailab_image_logged(run: ActiveRun, name: str, path: str, step: int) -> None:
    """Fires after an image is written, in the thread that wrote it. ``path``: the PNG's."""


@hookspec
def ailab_progress_updated(run: ActiveRun, value: float, eta_seconds: float | None) -> None:
    """Fires at each ``update_progress``. ``value``: 0..1."""


@hookspec
def ailab_run_finished(run: ActiveRun, state: str, error: str | None) -> None:
    """Fires when a run ends. ``state``: finished, failed or killed; ``error``: one line, when failed."""


@hookspec(firstresult=True)
def ailab_to_float(value: object) -> float | None:
    """Fires when a logged value is neither a Python nor a NumPy number: return it as a float, or None if not yours."""


@hookspec(firstresult=True)
def ailab_to_image(value: object) -> npt.NDArray[np.generic] | None:
    """Fires when logged image data are no NumPy array: return one, or None if not yours.

    Shape (h, w, 1) or (h, w, 3); uint8 0..255 or floating point 0..1.
    """
