"""tensorboardX; its files are read with the tensorboard package."""

from __future__ import annotations

from tensorboardX import SummaryWriter

from recording.summaries import read, session_with

__all__ = ["read", "session"]

session = session_with(SummaryWriter)
