"""Arguments that a user may leave to the Config in use."""

from __future__ import annotations

from ailab import current
from ailab.data.batches.checks import check_batch_size

__all__ = ["batch_size_or_default"]


def batch_size_or_default(batch_size: int | None) -> int:
    """``batch_size`` if given, else ``train.batch_size`` of the Config in use, else 1, as a new Config has.

    Raises:
        TypeError, ValueError: the one that was found is not an int of at least 1.
    """
    if batch_size is not None:
        return check_batch_size(batch_size, "batch_size")
    config = current.config()
    if config is None:
        return 1
    return check_batch_size(config.train.batch_size, "config.train.batch_size")
