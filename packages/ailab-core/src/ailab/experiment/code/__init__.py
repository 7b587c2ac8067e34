"""The code that a run ran with: which files, kept once per workspace, and how to get them back."""

from ailab.experiment.code.snapshot import Snapshot as Snapshot
from ailab.experiment.code.snapshot import copy_code as copy_code
from ailab.experiment.code.snapshot import take_snapshot as take_snapshot

__all__ = ["Snapshot", "copy_code", "take_snapshot"]
