"""Experiments: one Config with every parameter, and the runs made with it (``ailab.experiment.logging``)."""

from ailab.experiment.config import Config as Config
from ailab.experiment.config import ConfigPart as ConfigPart
from ailab.experiment.config import IncompleteConfigError as IncompleteConfigError
from ailab.experiment.starting import start as start

__all__ = ["Config", "ConfigPart", "IncompleteConfigError", "start"]
