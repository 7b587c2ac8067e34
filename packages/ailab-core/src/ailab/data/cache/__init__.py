"""A dataset's samples on disk: read once, memory-mapped from then on."""

from ailab.data.cache.dataset import CachedDataset as CachedDataset

__all__ = ["CachedDataset"]
