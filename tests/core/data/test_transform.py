from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from ailab.data import ComposeTransforms, Dataset, TransformedDataset, Transformer, version_of
from ailab.data.batches import BatchLoader

PAIRS = [(1, 10), (2, 20)]


class Add(Transformer):
    def __init__(self, amount: int) -> None:
        self.amount = amount

    def __call__(self, features: Any, labels: Any) -> tuple[Any, Any]:
        return features + self.amount, labels + self.amount


def add_two(features: Any, labels: Any) -> tuple[Any, Any]:
    return features + 1, labels + 1


def add_pair(sample: tuple[Any, Any]) -> tuple[Any, Any]:
    return sample[0] + 1, sample[1] + 1


def add_pair_with_option(sample: tuple[Any, Any], amount: int = 1) -> tuple[Any, Any]:
    return sample[0] + amount, sample[1] + amount


def add_star(*sample: Any) -> tuple[Any, Any]:
    return sample[0] + 1, sample[1] + 1


def add_first_and_star(features: Any, *rest: Any) -> tuple[Any, Any]:
    return features + 1, rest[0] + 1


class WithMethod:
    def pair(self, sample: tuple[Any, Any]) -> tuple[Any, Any]:
        return add_pair(sample)

    def two(self, features: Any, labels: Any) -> tuple[Any, Any]:
        return add_two(features, labels)


def add_amount(features: Any, labels: Any, amount: int) -> tuple[Any, Any]:
    return features + amount, labels + amount


CALLABLES = {
    "two": add_two,
    "pair": add_pair,
    "pair_with_option": add_pair_with_option,
    "star": add_star,
    "first_and_star": add_first_and_star,
    "lambda_two": lambda features, labels: (features + 1, labels + 1),
    "lambda_pair": lambda sample: (sample[0] + 1, sample[1] + 1),
    "transformer": Add(1),
    "method_two": WithMethod().two,
    "method_pair": WithMethod().pair,
    "partial": functools.partial(add_amount, amount=1),
    "composed": ComposeTransforms([add_two]),
    "composed_pair": ComposeTransforms([add_pair]),
    "nothing_composed_twice": ComposeTransforms([ComposeTransforms([]), Add(1)]),
}


@pytest.mark.parametrize("name", CALLABLES)
def test_every_kind_of_callable_is_called_rightly(name: str) -> None:
    assert list(TransformedDataset(PAIRS, transformer=CALLABLES[name])) == [(2, 11), (3, 21)]


def test_callables_without_a_signature_get_two_arguments() -> None:
    # divmod(7, 3): C code whose result is a pair; np.divmod is a ufunc, without a signature before NumPy 2.4.
    assert TransformedDataset([(7, 3)], divmod)[0] == (2, 1)
    assert TransformedDataset([(7, 3)], np.divmod)[0] == (2, 1)


def test_compose_applies_in_order() -> None:
    double = lambda features, labels: (features * 2, labels * 2)  # noqa: E731
    assert TransformedDataset(PAIRS, ComposeTransforms([Add(1), double]))[0] == (4, 22)
    assert ComposeTransforms([Add(1), double])(1, 10) == (4, 22)


def test_is_a_dataset_with_the_length_and_version_of_the_one_underneath() -> None:
    class Versioned(list[Any]):
        def version(self) -> str:
            return "v7"

    dataset = TransformedDataset(Versioned(PAIRS), add_two)
    assert isinstance(dataset, Dataset)
    assert len(dataset) == 2
    assert version_of(dataset) == "v7"
    assert version_of(TransformedDataset(PAIRS, add_two)) is None


@pytest.mark.parametrize("wrong", [..., None, 3, "add"])
def test_what_cannot_be_called_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"transformer=.* is not callable; expected a function"):
        TransformedDataset(PAIRS, transformer=wrong)
    if wrong is not None:
        with pytest.raises(TypeError, match=r"batch_transformer=.* is not callable"):
            TransformedDataset(PAIRS, batch_transformer=wrong)
    with pytest.raises(TypeError, match=r"transforms\[1\]=.* is not callable"):
        ComposeTransforms([add_two, wrong])


def test_compose_wants_a_list() -> None:
    with pytest.raises(TypeError, match=r"transforms=.*is no list of transformers"):
        ComposeTransforms(add_two)  # type: ignore[arg-type]


@pytest.mark.parametrize("result", [None, (1, 2, 3), [1, 2], np.zeros(2)])
@pytest.mark.parametrize("composed", [False, True])
def test_a_result_that_is_no_pair_names_transformer_and_index(result: Any, composed: bool) -> None:
    def forgets_labels(features: Any, labels: Any) -> Any:
        return result

    transformer = ComposeTransforms([forgets_labels]) if composed else forgets_labels
    dataset = TransformedDataset(PAIRS, transformer)
    with pytest.raises(TypeError, match=r"forgets_labels returned .*expected \(features, labels\)") as caught:
        dataset[1]
    assert any("transforming sample 1 with" in note for note in caught.value.__notes__)


def test_an_error_in_a_transformer_arrives_as_itself_with_a_note() -> None:
    def fails(features: Any, labels: Any) -> Any:
        raise KeyError("image")

    with pytest.raises(KeyError) as caught:
        TransformedDataset(PAIRS, fails)[1]
    assert "sample 1" in caught.value.__notes__[0]
    assert "fails" in caught.value.__notes__[0]


def test_a_sample_that_is_no_pair_names_the_dataset() -> None:
    with pytest.raises(TypeError, match=r"list\[0\] is 5 \(int\); expected \(features, labels\)"):
        TransformedDataset([5], add_two)[0]


@dataclass(frozen=True)
class Record:
    x: Any
    y: Any


def larger(sample: Record) -> Record:
    return replace(sample, x=sample.x + 1)


def test_a_dataclass_is_transformed_as_a_whole() -> None:
    records = [Record(1, 10), Record(2, 20)]
    assert list(TransformedDataset(records, larger)) == [Record(2, 10), Record(3, 20)]
    twice = ComposeTransforms([larger, ComposeTransforms([larger])])
    assert list(TransformedDataset(records, twice)) == [Record(3, 10), Record(4, 20)]
    pairs = TransformedDataset(records, lambda record: (record.x, record.y))
    assert list(TransformedDataset(pairs, add_two)) == [(2, 11), (3, 21)]
    back = TransformedDataset(PAIRS, lambda features, labels: Record(features, labels))
    assert list(back) == [Record(*pair) for pair in PAIRS]


def test_a_batch_of_dataclasses_is_transformed_as_a_whole() -> None:
    records = [Record(1, 10), Record(2, 20)]
    dataset = TransformedDataset(records, larger, batch_transformer=larger)
    batch = BatchLoader(dataset, 2, shuffle=False).batch(0)
    assert (type(batch), batch.x.tolist(), batch.y.tolist()) == (Record, [3, 4], [10, 20])
    assert dataset[1] == Record(4, 20)
    cut = TransformedDataset(records, batch_transformer=lambda batch: replace(batch, y=batch.y[:1]))
    with pytest.raises(ValueError, match=r"value\.y of a whole batch has shape \(1,\); expected \(2, ...\)"):
        BatchLoader(cut, 2).batch(0)


def test_a_transformer_of_pairs_gets_no_dataclass() -> None:
    with pytest.raises(TypeError, match=r"add_two takes \(features, labels\), but the sample is a Record; let it take"):
        TransformedDataset([Record(1, 2)], add_two)[0]
    with pytest.raises(TypeError, match=r"expected \(features, labels\) or a dataclass instance"):
        TransformedDataset([Record(1, 2)], lambda record: record.x)[0]
    with pytest.raises(TypeError, match=r"list\[0\] is .* expected \(features, labels\) or a dataclass instance"):
        TransformedDataset([Record], larger)[0]
