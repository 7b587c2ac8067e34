from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest

from ailab.data.batches import BatchLoader, collate, leaves, map_arrays
from ailab.data.batches.records import is_record
from ailab.data.batches.rows import LEAST
from ailab.data.batches.whole import checked, join
from ailab.testing.samples import Made, assert_same


@dataclass
class Plain:
    x: Any
    y: Any = 0


@dataclass(frozen=True)
class Frozen:
    x: Any
    y: Any


@dataclass(slots=True)
class Slots:
    x: Any
    y: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Strict:
    x: Any
    y: Any


@dataclass
class Computed:
    """Checks its arguments, and has a field, a class variable and an attribute that are none."""

    x: float
    scale: InitVar[int]
    y: Any = field(init=False)
    kind: ClassVar[str] = "computed"

    def __post_init__(self, scale: int) -> None:
        if not isinstance(self.x, float):
            raise TypeError(f"x={self.x}: expected a float")
        self.y = self.x * scale
        self.name = "of one sample"


class Heir(Frozen):
    """Not decorated itself."""


class Guarded(Plain):
    """Minds being set."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, np.ndarray):
            raise TypeError("no arrays")
        super().__setattr__(name, value)


MAKERS: dict[str, Callable[[int], Any]] = {
    "plain": lambda i: Plain(i / 2, i),
    "frozen": lambda i: Frozen(i / 2, i),
    "slots": lambda i: Slots(i / 2, i),
    "strict": lambda i: Strict(x=i / 2, y=i),
    "computed": lambda i: Computed(i / 2, 2),
    "heir": lambda i: Heir(i / 2, i),
    "guarded": lambda i: Guarded(i / 2, i),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_batch_is_of_the_same_class_with_each_field_batched(name: str) -> None:
    samples = [MAKERS[name](i) for i in range(4)]
    batch = collate(samples)
    assert type(batch) is type(samples[0])
    assert batch.x.tolist() == [0, 0.5, 1, 1.5]
    assert batch.x.dtype == np.float32
    assert batch.y.tolist() == [sample.y for sample in samples]
    assert not hasattr(batch, "name")
    deep = collate([({"a": (sample,)}, {"b": sample}) for sample in samples])
    assert_same(deep, ({"a": (batch,)}, {"b": batch}))
    doubled = map_arrays(lambda array: array * 2, batch)
    assert (type(doubled), doubled.x.tolist()) == (type(batch), [0, 1, 2, 3])


def test_dataclasses_hold_dataclasses() -> None:
    batch = collate([Plain(Frozen(np.full(2, i), "s"), {"z": i}) for i in range(3)])
    assert batch.x.x.shape == (3, 2)
    assert batch.x.y.tolist() == ["s"] * 3
    assert batch.y["z"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("samples", "error", "message"),
    [
        (
            [Plain(1, [1]), Plain(1, [1, 2])],
            ValueError,
            r"^value\.y has shape \(2,\) in sample 8 but \(1,\)",
        ),
        ([({"a": Plain(1, "x")}, 0), ({"a": Plain(1, 3)}, 0)], TypeError, r"^features\['a'\]\.y is "),
        ([(0, Plain(None)), (0, Plain(1))], TypeError, r"^labels\.x of sample 7 is or holds None"),
        ([Plain(1), Frozen(1, 2)], ValueError, "^value is of type Frozen in sample 8 but of type Plain in sample 7"),
        ([(Plain(1), 0), ({"x": 1, "y": 0}, 0)], ValueError, "^features is of type dict in sample 8 but of type Plain"),
        ([1.0, Plain(1)], ValueError, "^value is of type Plain in sample 8 but of type float in sample 7"),
        ([Plain(1), 1.0], ValueError, "^value is of type float in sample 8 but of type Plain in sample 7"),
        ([(Plain(1), 0), ((1, 0), 0)], ValueError, "^features is a tuple of length 2 in sample 8 but of type Plain"),
    ],
)
def test_errors_name_the_field(samples: list[Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        collate(samples, [7, 8])


@pytest.mark.parametrize("size", [1, LEAST])
def test_a_field_without_a_value_is_named(size: int) -> None:
    def sample(index: int) -> Any:
        made = Plain(np.zeros(size, np.uint8))
        if index == 2:
            del made.x
        return made, index

    with pytest.raises(ValueError, match=r"features\.x is not set in sample 2; give every field a value"):
        BatchLoader(Made(sample), 4, shuffle=False).batch(0)


def test_what_is_a_value_stays_one() -> None:
    @dataclass
    class Image:
        size: int

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return np.zeros(self.size, np.uint8)

    @dataclass
    class Amount:
        unit: str

    class Unit(Amount, enum.Enum):
        METRE = "m"

    assert collate([Image(3), Image(3)]).shape == (2, 3)
    assert not is_record(Unit)
    assert not is_record(np.ndarray)
    with pytest.raises(TypeError, match="is or holds"):
        collate([Unit.METRE])
    with pytest.raises(TypeError, match="is or holds"):
        collate([Plain])  # the class itself


def test_large_arrays_of_a_dataclass_are_copied_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [np.full(LEAST, i, np.uint8) for i in range(3)]
    dataset = Made(lambda i: (Strict(x=made[i], y=i), Frozen(i, {"deep": made[i]})), 3)
    expected = collate([dataset[i] for i in range(3)])
    stacked: list[type] = []
    monkeypatch.setattr(leaves, "stack_fast", lambda values, kind: stacked.append(kind))
    assert_same(BatchLoader(dataset, 3, shuffle=False).batch(0), expected)
    assert stacked == [int, int]  # the arrays are in their places already
    assert dataset[1][0].x is made[1]  # the sample itself stays as it was


def test_pad() -> None:
    dataset = Made(lambda i: (Strict(x=[i] * i, y=[i]), Plain([i] * i, i)), 4)
    features, labels = BatchLoader(dataset, 4, shuffle=False, pad={"x": -1}).batch(0)
    expected = [[-1, -1, -1], [1, -1, -1], [2, 2, -1], [3, 3, 3]]
    assert features.x.tolist() == labels.x.tolist() == expected
    assert labels.y.tolist() == [0, 1, 2, 3]
    ragged = Made(lambda i: Plain([[0]] if i else [0]), 2)
    with pytest.raises(ValueError, match=r"value\.x has shape"):
        BatchLoader(ragged, 2, pad=0).batch(0)
    with pytest.raises(ValueError, match="is of type Frozen in sample 1 but of type Plain"):
        BatchLoader(Made(lambda i: Frozen([1], 2) if i else Plain([1, 2])), 2, False, pad=0).batch(0)


class Whole(Made):
    """Offers whole batches of `Frozen`, of lists that become arrays."""

    def __getitems__(self, indices: Any) -> Any:
        return Frozen(np.asarray(indices) / 2, {"y": memoryview(indices)} if self.length < 5 else np.asarray(indices))


def test_whole_batches() -> None:
    batch = BatchLoader(Whole(len), 4, shuffle=False).batch(1)
    assert_same(batch, Frozen(np.array([2.0, 2.5, 3.0, 3.5]), np.array([4, 5, 6, 7])))
    with pytest.raises(TypeError, match=r"value\.y\['y'\] of a whole batch is of type memoryview"):
        BatchLoader(Whole(len, 4), 4).batch(0)
    with pytest.raises(ValueError, match=r"features\.x of a whole batch has shape \(2,\); expected \(3, ...\)"):
        checked((Plain(np.zeros(2)), 0), 3)


def test_join() -> None:
    parts = [Frozen(np.array([0, 2]), np.array([0, 4])), Frozen(np.array([1]), np.array([2]))]
    where = [np.array([0, 2]), np.array([1])]
    assert_same(join(parts, where), Frozen(np.array([0, 1, 2]), np.array([0, 2, 4])))
    assert join([parts[0], Plain(*vars(parts[1]).values())], where) is NotImplemented
    assert join([parts[0], Frozen(np.array([1.5]), np.array([2]))], where) is NotImplemented
