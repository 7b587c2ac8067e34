"""From a dataset to NumPy batches: the one way that every framework's adapter uses.

An adapter hands the batches of a `BatchLoader` on as its framework's tensors and changes nothing in them.
"""

from ailab.data.batches.collate import collate as collate
from ailab.data.batches.loader import BatchLoader as BatchLoader
from ailab.data.batches.order import batch_count as batch_count
from ailab.data.batches.order import epoch_order as epoch_order
from ailab.data.batches.read import read_samples as read_samples
from ailab.data.batches.structure import map_arrays as map_arrays

__all__ = ["BatchLoader", "batch_count", "collate", "epoch_order", "map_arrays", "read_samples"]
