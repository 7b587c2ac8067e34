"""Samples that are a pair of plain dicts, which is most of them, taken apart as soon as they are read.

That is cheaper than to keep them until the batch is complete: hundreds of dicts fall out of the processor's
cache meanwhile, and Python's garbage collector looks through them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

from ailab.data.batches import native

__all__ = ["Flat", "flat"]

Columns = dict[Any, Sequence[Any]]  # by key the values of all samples


Pair = tuple[dict[Any, Any], dict[Any, Any]]


def flat(first: Any, done: list[Any]) -> Flat | None:
    """For samples like ``first``, which is in ``done``; None: they are not to be taken apart."""
    if type(first) is not tuple or len(first) != 2 or not all(type(part) is dict and part for part in first):
        return None
    return Flat(first, done) if native.loops is None else _Compiled(first, done)


class Flat:
    """The values of samples like ``first``. ``done``, which is emptied before, has one entry for each sample."""

    def __init__(self, first: Pair, done: list[Any]) -> None:
        features, labels = first
        self._feature_keys, self._label_keys = tuple(features), tuple(labels)
        self._get_features, self._get_labels = itemgetter(*features), itemgetter(*labels)
        # Of each sample the value, or where there are several keys a tuple of them.
        self._features = [self._get_features(features)]
        self._labels = done
        done[:] = [self._get_labels(labels)]

    def read(self, dataset: Any, rest: Iterator[int]) -> list[Any] | None:
        """Read ``rest`` of ``dataset``; None if all samples are like the first.

        Else this stops at the first that is not, and gives all samples so far, that one included.
        """
        # This loop is most of what a small sample costs here, hence its looks: local names, `__class__` rather than
        # a call of `type`, and one key looked up by itself.
        add_feature, add_label = self._features.append, self._labels.append
        feature_count, label_count = len(self._feature_keys), len(self._label_keys)
        single = feature_count == label_count == 1
        feature_key, label_key = self._feature_keys[0], self._label_keys[0]
        get_features, get_labels = self._get_features, self._get_labels
        for index in rest:
            sample = dataset[index]
            try:
                features, labels = sample
                if not (
                    sample.__class__ is tuple
                    and features.__class__ is labels.__class__ is dict
                    and len(features) == feature_count
                    and len(labels) == label_count
                ):
                    return self._samples(sample)
                if single:
                    add_feature(features[feature_key])
                    add_label(labels[label_key])
                else:
                    add_feature(get_features(features))
                    add_label(get_labels(labels))
            except (TypeError, ValueError, KeyError):  # no two parts, or other keys
                return self._samples(sample)
        return None

    def columns(self) -> tuple[Columns, Columns]:
        """The values of features and of labels, key by key."""
        return _columns(self._feature_keys, self._features), _columns(self._label_keys, self._labels)

    def _samples(self, odd: Any) -> list[Any]:
        features, labels = self.columns()
        # The features of the odd one may have been added before its labels turned out to be odd.
        whole = range(len(self._labels))
        return [
            *(tuple({key: column[n] for key, column in part.items()} for part in (features, labels)) for n in whole),
            odd,
        ]


class _Compiled(Flat):
    """The same with its loop compiled, which appends each value to a list of its own."""

    def __init__(self, first: Pair, done: list[Any]) -> None:
        features, labels = first
        self._feature_keys, self._label_keys = tuple(features), tuple(labels)
        self._feature_columns = tuple([value] for value in features.values())
        *others, last = labels.values()
        done[:] = [last]  # a sample's last value: once it is there, all of the sample is
        self._labels = done
        self._label_columns = (*([value] for value in others), done)

    def read(self, dataset: Any, rest: Iterator[int]) -> list[Any] | None:
        odd = native.loops.read_pairs(
            dataset, rest, self._feature_keys, self._feature_columns, self._label_keys, self._label_columns
        )
        return None if odd is None else self._samples(odd)

    def columns(self) -> tuple[Columns, Columns]:
        return (
            dict(zip(self._feature_keys, self._feature_columns, strict=True)),
            dict(zip(self._label_keys, self._label_columns, strict=True)),
        )


def _columns(keys: tuple[Any, ...], rows: list[Any]) -> Columns:
    return {keys[0]: rows} if len(keys) == 1 else dict(zip(keys, zip(*rows, strict=True), strict=True))
