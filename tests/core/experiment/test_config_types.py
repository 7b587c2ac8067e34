from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from ailab.experiment import ConfigPart
from ailab.experiment.config_types import field_types, looks_like


class Optimizer(ConfigPart):
    kind: Literal["adam", "sgd"] = "adam"
    rate: float = 0.001


class Data(ConfigPart):
    folder: Path
    crop: int = 224
    sizes: tuple[int, ...] = (1, 2)
    rate: Annotated[float, Field(gt=0)] = 1.0
    flip: bool = False
    note: str | None = None
    optimizer: Optimizer


class Closed(ConfigPart, closed=True):
    batch_size: int = 1


def test_values_become_what_the_annotation_says() -> None:
    part = Data(folder="a/b", rate=1, sizes=[3, 4], optimizer=Optimizer())
    assert part.folder == Path("a/b")
    assert type(part.rate) is float
    assert part.sizes == (3, 4)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("crop", "big", r"Data\.crop must be int, got 'big' \(str\)"),
        ("crop", "224", r"Data\.crop must be int, got '224' \(str\)"),
        ("crop", True, r"Data\.crop must be int, got True \(bool\)"),
        ("crop", 1.5, r"Data\.crop must be int, got 1.5 \(float\)"),
        ("rate", 0, r"Data\.rate must be .*greater than 0"),
        ("sizes", ["x"], r"Data\.sizes must be tuple\[int, \.\.\.\].*0: "),
        ("optimizer", {"kind": "adam"}, r"Data\.optimizer must be a Optimizer, got \{"),
    ],
)
def test_what_does_not_fit_is_named(name: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Data(**{name: value})


def test_none_fits_where_it_is_allowed() -> None:
    assert Data(note=None).note is None
    with pytest.raises(ValueError, match=r"Data\.crop must be int, got None"):
        Data(crop=None)


def test_an_annotation_that_cannot_be_resolved_is_not_checked() -> None:
    class Inner:
        pass

    class Local(ConfigPart):
        inner: Inner

    thing = object()
    assert Local(inner=thing).inner is thing


def test_a_field_without_an_annotation_takes_anything() -> None:
    part = Data(anything="x")
    part.anything = 3
    assert part.anything == 3
    assert "anything" not in field_types(Data)


@pytest.mark.parametrize("name", ["batchsize", "batchSize", "Batch_Size", "bacth_size"])
def test_a_certainly_misspelt_new_field_is_refused(name: str) -> None:
    part = ConfigPart(batch_size=1)
    with pytest.raises(AttributeError, match=rf"no field '{name}'; did you mean 'batch_size'"):
        setattr(part, name, 64)
    assert part.batch_size == 1


@pytest.mark.parametrize(
    ("first", "second"), [("beta1", "beta2"), ("layer", "layers"), ("form", "from_"), ("ab", "ba")]
)
def test_fields_that_only_look_alike_are_both_possible(first: str, second: str) -> None:
    part = ConfigPart(**{first: 1, second: 2})
    assert part.to_dict() == {first: 1, second: 2}


def test_a_closed_part_has_the_annotated_fields_and_no_others() -> None:
    with pytest.raises(AttributeError, match="Closed has no field 'batch_sise'; did you mean 'batch_size'"):
        Closed(batch_sise=2)
    with pytest.raises(AttributeError, match="Closed has no field 'other'; it has: batch_size"):
        Closed().other = 1
    assert Closed(batch_size=2).to_dict() == {"batch_size": 2}


def test_every_part_has_defaults_of_its_own() -> None:
    class Holder(ConfigPart):
        closed: Closed = Closed()
        numbers: list[int] = [1]  # noqa: RUF012 - as users write it

    one, two = Holder(), Holder()
    one.closed.batch_size = 2
    one.numbers.append(2)
    assert two.to_dict() == {"closed": {"batch_size": 1}, "numbers": [1]}


def test_what_a_name_looks_like() -> None:
    assert looks_like("batchsz", ["batch_size", "epochs"]) == "batch_size"
    assert looks_like("batchsz", ["batch_size", "epochs"], certain=True) is None
    assert looks_like("zzz", ["batch_size"]) is None
