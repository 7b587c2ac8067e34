"""Changing samples on their way out of a dataset."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ailab.data.batches.collate import collate
from ailab.data.batches.read import read_batch
from ailab.data.batches.records import is_record
from ailab.data.batches.structure import map_arrays
from ailab.data.batches.whole import checked
from ailab.data.dataset import Dataset, version_of
from ailab.data.randomness import epoch_here
from ailab.errors import shown

__all__ = ["ComposeTransforms", "TransformedDataset", "Transformer"]

Sample: TypeAlias = Any  # (features, labels), or a dataclass instance
AnyTransformer: TypeAlias = Callable[..., Sample]

_Parameter = inspect.Parameter
_POSITIONAL = (_Parameter.POSITIONAL_ONLY, _Parameter.POSITIONAL_OR_KEYWORD)
_LEFT_OUT: Any = object()
_EXPECTED = "(features, labels) or a dataclass instance"


class Transformer(ABC):
    """A transformer with parameters of its own. A plain function does as well, see `TransformedDataset`."""

    @abstractmethod
    def __call__(self, features: Any, labels: Any) -> Sample:
        """The changed ``(features, labels)``."""


class ComposeTransforms(Transformer):
    """Transformers applied one after the other.

    Args:
        transforms: any number of transformers, see `TransformedDataset` for what may be one.

    Raises:
        TypeError: one of them is not callable.
    """

    def __init__(self, transforms: Iterable[AnyTransformer]) -> None:
        if not isinstance(transforms, Iterable):
            raise TypeError(f"transforms={shown(transforms)} is no list of transformers")
        self.transforms = list(transforms)
        self._applied = [
            (transform, _takes_one(transform, f"transforms[{number}]"))
            for number, transform in enumerate(self.transforms)
        ]

    def __call__(self, features: Any, labels: Any = _LEFT_OUT) -> Sample:
        """The changed sample: ``(features, labels)``, or what is given alone."""
        sample = features if labels is _LEFT_OUT else (features, labels)
        for transform, takes_one in self._applied:
            sample = _apply(transform, takes_one, sample)
        return sample


class TransformedDataset(Dataset):
    """A dataset whose samples pass through a transformer when they are read.

    Args:
        dataset: any dataset of ``(features, labels)``.
        transformer: a function, a `Transformer`, a `ComposeTransforms` or any other callable that returns
            ``(features, labels)``; None: samples stay as they are. It is called as
            ``transformer(features, labels)``; one whose signature has exactly one required positional
            parameter (and no ``*args``) is called with the pair, ``transformer((features, labels))``. Which of
            the two is decided here, once, from its signature. A sample that is a dataclass instance needs the
            latter: ``transformer(sample)``. `ailab.data.rng` gives it random numbers.
        batch_transformer: the same for whole batches: it gets and returns ``(features, labels)`` with arrays
            that have a leading batch axis, after ``transformer`` has seen the samples. With it alone, whole
            batches of a dataset with ``__getitems__`` stay whole; a ``transformer`` makes them be read sample by
            sample. It may not change the number of rows. Asked for one sample, ``dataset[3]``, it gets a batch
            of one.

    Raises:
        TypeError: a transformer is not callable, or there is none; or, as a sample is read, something other
            than a pair or a dataclass instance came back.
    """

    def __init__(
        self,
        dataset: Any,
        transformer: AnyTransformer | None = None,
        *,
        batch_transformer: AnyTransformer | None = None,
    ) -> None:
        self.dataset = dataset
        self.transformer = transformer
        self.batch_transformer = batch_transformer
        # With neither, the first is complained about: it is the one that was forgotten.
        wanted = transformer is not None or batch_transformer is None
        self._takes_one = wanted and _takes_one(transformer, "transformer")
        self._takes_batch = batch_transformer is not None and _takes_one(batch_transformer, "batch_transformer")

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        if self.batch_transformer is None:
            return self._sample(index)
        return map_arrays(_only_row, self._transform_batch(collate([self._sample(index)], [index]), 1))

    @property
    def __getitems__(self) -> Any:
        """A function from indices to a finished batch, if there is a ``batch_transformer``; else None."""
        return None if self.batch_transformer is None else self._read

    def _read(self, indices: npt.NDArray[np.int64]) -> Sample:
        seed, epoch = epoch_here()
        source = self.dataset if self.transformer is None else TransformedDataset(self.dataset, self.transformer)
        return self._transform_batch(read_batch(source, indices, seed=seed, epoch=epoch), len(indices))

    def _transform_batch(self, batch: Any, count: int) -> Sample:
        if not _is_sample(batch):
            raise TypeError(f"a batch of {type(self.dataset).__qualname__} is {shown(batch)}; expected {_EXPECTED}")
        transformer = self.batch_transformer
        assert transformer is not None
        try:
            return checked(_apply(transformer, self._takes_batch, batch), count)
        except Exception as error:
            error.add_note(f"while transforming a batch with {_name(transformer)}")
            raise

    def _sample(self, index: int) -> Sample:
        sample = self.dataset[index]
        if not _is_sample(sample):
            raise TypeError(f"{type(self.dataset).__qualname__}[{index}] is {shown(sample)}; expected {_EXPECTED}")
        if self.transformer is None:
            return sample
        try:
            return _apply(self.transformer, self._takes_one, sample)
        except Exception as error:
            error.add_note(f"while transforming sample {index} with {_name(self.transformer)}")
            raise

    @property
    def version(self) -> str | None:
        """The version of the dataset underneath."""
        return version_of(self.dataset)


def _only_row(array: npt.NDArray[Any]) -> Any:
    return array[0]


def _takes_one(transformer: object, argument: str) -> bool:
    """Whether to call ``transformer`` with the pair instead of with two arguments."""
    if not callable(transformer):
        raise TypeError(
            f"{argument}={shown(transformer)} is not callable; expected a function, a Transformer or a "
            "ComposeTransforms that takes (features, labels) and returns them"
        )
    try:
        parameters = inspect.signature(transformer).parameters.values()
    except (TypeError, ValueError):  # some callables written in C have no signature
        return False
    if any(parameter.kind is _Parameter.VAR_POSITIONAL for parameter in parameters):
        return False
    required = [p for p in parameters if p.kind in _POSITIONAL and p.default is _Parameter.empty]
    return len(required) == 1


def _apply(transformer: AnyTransformer, takes_one: bool, sample: Sample) -> Sample:
    if not takes_one and not isinstance(sample, tuple):
        raise TypeError(
            f"{_name(transformer)} takes (features, labels), but the sample is a {type(sample).__qualname__}; "
            "let it take one argument: the sample"
        )
    result = transformer(sample) if takes_one else transformer(*sample)
    if not _is_sample(result):
        raise TypeError(f"{_name(transformer)} returned {shown(result)}; expected {_EXPECTED}")
    return result


def _is_sample(value: object) -> bool:
    return len(value) == 2 if isinstance(value, tuple) else is_record(type(value))


def _name(transformer: object) -> str:
    return getattr(transformer, "__qualname__", None) or type(transformer).__qualname__
