"""Whether samples that a model is tested on were also trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ailab.data.batches import collate, read_samples
from ailab.data.batches.records import field_names, is_record
from ailab.data.batches.structure import map_arrays

__all__ = ["Overlap", "overlap"]


@dataclass(frozen=True)
class Overlap:
    """Which samples of ``test`` are also in ``train``; false if there are none."""

    pairs: tuple[tuple[int, int], ...]
    """For each such sample of ``test``: (index of the first equal one in ``train``, its index in ``test``)."""
    test_length: int

    @property
    def count(self) -> int:
        """The number of samples of ``test`` that are in ``train``."""
        return len(self.pairs)

    def __bool__(self) -> bool:
        return bool(self.pairs)

    def __str__(self) -> str:
        if not self.pairs:
            return f"none of the {self.test_length} test samples is in the training data"
        some = ", ".join(f"{test} (training sample {train})" for train, test in self.pairs[:5])
        more = ", …" if self.count > 5 else ""
        return f"{self.count} of the {self.test_length} test samples are in the training data: {some}{more}"


def overlap(train: Any, test: Any, *, features_only: bool = False) -> Overlap:
    """The samples of ``test`` that are identical to one of ``train``, by a hash of their content.

    Identical means: after what `ailab.data.batches.collate` does to a sample, the same keys (in any order),
    dtypes, shapes and bits. An image saved twice as JPEG, shifted by a pixel or scaled otherwise is not found; 0.0
    and -0.0 differ, NaNs of the same bits are equal. So nothing found is no proof that the datasets share
    nothing. Augmented samples differ as random numbers do, so compare datasets before augmentation.

    Each sample is read once, with the random numbers of seed 0 and epoch 0. Kept in memory are 16 bytes a sample
    of ``train`` (about 150 with Python's own); that two different samples have the same hash is
    out of the question.

    Args:
        train, test: anything with ``__len__`` and ``__getitem__``; samples that are pairs for ``features_only``.
        features_only: leave the labels out, so that the same image under another label is found too.

    Raises:
        Exception: what a dataset or `collate` raises, with a note that names the dataset and the index.
    """
    first: dict[bytes, int] = {}
    for index, digest in enumerate(_digests(train, features_only)):
        first.setdefault(digest, index)
    pairs = [(first[digest], index) for index, digest in enumerate(_digests(test, features_only)) if digest in first]
    return Overlap(tuple(pairs), len(test))


def _digests(dataset: Any, features_only: bool) -> Iterator[bytes]:
    for index in range(len(dataset)):
        samples = read_samples(dataset, [index], seed=0, epoch=0)
        try:
            batch = collate([samples[0][0]] if features_only else samples, [index])
        except (TypeError, ValueError) as error:
            error.add_note(f"while comparing sample {index} of {type(dataset).__qualname__}")
            raise
        yield _digest(batch)


def _digest(batch: Any) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    # What is not the arrays' bytes goes in first, with all lengths, so that no two samples run together.
    digest.update(repr(map_arrays(lambda array: (array.dtype.str, array.shape), _sorted(batch))).encode())
    map_arrays(lambda array: digest.update(array.tobytes()), _sorted(batch))
    return digest.digest()


def _sorted(batch: Any) -> Any:
    """``batch`` with the keys of its dicts in one order; dataclasses as dicts, tuples of any kind as plain ones."""
    if is_record(type(batch)):
        batch = {name: getattr(batch, name) for name in field_names(type(batch))}
    if isinstance(batch, dict):
        return {key: _sorted(batch[key]) for key in sorted(batch, key=repr)}
    return tuple(map(_sorted, batch)) if isinstance(batch, tuple) else batch
