"""Datasets and what happens to a sample: the part of AI Lab that a user writes classes for.

A sample is a pair ``(features, labels)``; each is a dict of array-likes or one array-like.
``ailab.data.keras`` and ``ailab.data.pytorch`` hand batches of them to their framework; both get them from
``ailab.data.batches``.
"""

from ailab.data.cache import CachedDataset as CachedDataset
from ailab.data.dataset import Dataset as Dataset
from ailab.data.dataset import version_of as version_of
from ailab.data.overlapping import Overlap as Overlap
from ailab.data.overlapping import overlap as overlap
from ailab.data.parts import Subset as Subset
from ailab.data.parts import concat as concat
from ailab.data.randomness import rng as rng
from ailab.data.splitting import split as split
from ailab.data.transform import ComposeTransforms as ComposeTransforms
from ailab.data.transform import TransformedDataset as TransformedDataset
from ailab.data.transform import Transformer as Transformer

__all__ = [
    "CachedDataset",
    "ComposeTransforms",
    "Dataset",
    "Overlap",
    "Subset",
    "TransformedDataset",
    "Transformer",
    "concat",
    "overlap",
    "rng",
    "split",
    "version_of",
]
