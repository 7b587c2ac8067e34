"""Reading samples one by one, each with its own random numbers and its index in any error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ailab.data.randomness import sampling

__all__ = ["read_samples"]


def read_samples(dataset: Any, indices: Sequence[int], *, seed: int, epoch: int) -> list[Any]:
    """``[dataset[index] for index in indices]``, with `ailab.data.rng` set for each.

    Raises:
        Exception: what the dataset raises, as it is, with a note that names the dataset and the index.
    """
    samples = []
    with sampling(seed, epoch) as begin:
        for index in indices:
            begin(index)
            try:
                samples.append(dataset[index])
            except Exception as error:
                error.add_note(f"while reading sample {index} of {type(dataset).__qualname__}")
                raise
    return samples
