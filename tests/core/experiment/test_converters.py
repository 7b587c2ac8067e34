from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from ailab.experiment.converters import FloatConverters
from ailab.plugins import create_manager, hookimpl


class Tensor:
    def __init__(self, *numbers: float) -> None:
        self.numbers = numbers


class Plugin:
    """Knows a tensor, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    @hookimpl
    def ailab_to_float(self, value: object) -> float | None:
        self.asked += 1
        return self.numbers(value)

    def numbers(self, value: object) -> float | None:
        return value.numbers[0] if isinstance(value, Tensor) and len(value.numbers) == 1 else None


class Watching:
    """A wrapper that wants to see every call."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    @hookimpl(wrapper=True)
    def ailab_to_float(self, value: object) -> Any:
        self.seen.append(value)
        return (yield)


@pytest.mark.parametrize(
    "value", [3, True, Fraction(1, 4), np.float32(0.5), np.float64(0.5), np.int64(3), np.bool_(True), np.array([2.5])]
)
def test_what_was_seen_once_needs_no_second_look(value: object) -> None:
    floats = FloatConverters(create_manager(load=False))
    number = floats.as_float("value", value)
    assert type(number) is float
    assert floats.known[type(value)](value) == number


def test_a_plugin_is_looked_for_once() -> None:
    manager = create_manager(load=False)
    knows, other = Plugin(), Plugin()
    other.numbers = lambda value: None  # type: ignore[method-assign]
    manager.register(knows)
    manager.register(other)  # which is asked first
    floats = FloatConverters(manager)
    assert floats.as_float("value", Tensor(2.0)) == 2.0
    asked = other.asked
    assert floats.known[Tensor](Tensor(3.0)) == 3.0
    assert other.asked == asked
    with pytest.raises(TypeError):  # so that it is looked over
        floats.known[Tensor](Tensor(3.0, 4.0))
    with pytest.raises(TypeError, match="value must be a number"):
        floats.as_float("value", Tensor(3.0, 4.0))


def test_who_watches_every_call_sees_every_call() -> None:
    manager = create_manager(load=False)
    watching = Watching()
    manager.register(Plugin())
    manager.register(watching)
    floats = FloatConverters(manager)
    assert floats.as_float("value", Tensor(2.0)) == 2.0
    assert Tensor not in floats.known
    assert len(watching.seen) == 1


def test_what_is_no_number_is_not_remembered() -> None:
    floats = FloatConverters(create_manager(load=False))
    with pytest.raises(TypeError, match="value must be a number"):
        floats.as_float("value", "high")
    assert str not in floats.known
