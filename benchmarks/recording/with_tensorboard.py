"""TensorBoard through torch."""

from __future__ import annotations

from torch.utils.tensorboard import SummaryWriter

from recording.summaries import read, session_with

__all__ = ["read", "session"]

session = session_with(SummaryWriter)
