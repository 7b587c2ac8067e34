"""Samples that are a pair of plain dicts, which is most of them, taken apart as soon as they are read.

That is cheaper than to keep them until the batch is complete: hundreds of dicts fall out of the processor's
cache meanwhile, and Python's garbage collector looks through them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["Flat"]


class Flat:
    """The values of samples like ``first``, column by column. The last column is ``done``, emptied before."""

    def __init__(self, first: tuple[dict[Any, Any], dict[Any, Any]], done: list[Any]) -> None:
        self.features: dict[Any, list[Any]] = {key: [] for key in first[0]}
        self.labels: dict[Any, list[Any]] = {key: [] for key in first[1]}
        done.clear()
        self._done = self.labels[next(reversed(self.labels))] = done
        self._keep(*first)

    @staticmethod
    def fits(sample: Any) -> bool:
        """Whether samples are to be taken apart if this is the first of them."""
        if type(sample) is not tuple or len(sample) != 2:
            return False
        return all(type(part) is dict and part for part in sample)

    def read(self, dataset: Any, rest: Iterator[int]) -> list[Any] | None:
        """Read ``rest`` of ``dataset``; None if all samples are like the first.

        Else this stops at the first that is not, and gives all samples so far, that one included.
        """
        feature_count, label_count = len(self.features), len(self.labels)
        single = feature_count == label_count == 1
        (feature_key, add_feature), *_ = [(key, column.append) for key, column in self.features.items()]
        (label_key, add_label), *_ = [(key, column.append) for key, column in self.labels.items()]
        for index in rest:
            sample = dataset[index]
            if type(sample) is not tuple or len(sample) != 2:
                return self._samples(sample)
            features, labels = sample
            if (
                type(features) is not dict
                or type(labels) is not dict
                or len(features) != feature_count
                or len(labels) != label_count
            ):
                return self._samples(sample)
            if single:
                try:
                    feature, label = features[feature_key], labels[label_key]
                except KeyError:
                    return self._samples(sample)
                add_feature(feature)
                add_label(label)
            elif features.keys() == self.features.keys() and labels.keys() == self.labels.keys():
                self._keep(features, labels)
            else:
                return self._samples(sample)
        return None

    def _keep(self, features: dict[Any, Any], labels: dict[Any, Any]) -> None:
        for key, column in self.features.items():
            column.append(features[key])
        for key, column in self.labels.items():
            column.append(labels[key])

    def _samples(self, odd: Any) -> list[Any]:
        return [
            *(
                tuple({key: column[n] for key, column in part.items()} for part in (self.features, self.labels))
                for n in range(len(self._done))
            ),
            odd,
        ]
