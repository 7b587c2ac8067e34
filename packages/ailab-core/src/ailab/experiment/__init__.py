"""Experiments: a Config with every parameter, the runs made with it (``ailab.experiment.logging``), reading them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ailab.experiment.config import Config as Config
from ailab.experiment.config import ConfigPart as ConfigPart
from ailab.experiment.config import IncompleteConfigError as IncompleteConfigError
from ailab.experiment.starting import start as start

if TYPE_CHECKING:
    from ailab.experiment.config_files import import_config as import_config
    from ailab.experiment.recorded import Run as Run
    from ailab.experiment.workspace import Workspace as Workspace

__all__ = ["Config", "ConfigPart", "IncompleteConfigError", "Run", "Workspace", "import_config", "start"]

# Imported when first used: a training script reads no runs.
_LATE = {
    "Run": "ailab.experiment.recorded",
    "Workspace": "ailab.experiment.workspace",
    "import_config": "ailab.experiment.config_files",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
