from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from ailab.experiment.values import as_float, as_progress, as_step


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1.0),
        (0.5, 0.5),
        (True, 1.0),
        (Fraction(1, 4), 0.25),
        (np.float32(0.5), 0.5),
        (np.int8(-3), -3.0),
        (np.array(2.5), 2.5),
        (np.array([[7]]), 7.0),
        (math.inf, math.inf),
    ],
)
def test_numbers_of_every_kind(value: object, number: float) -> None:
    assert as_float("value", value) == number


def test_nan_is_a_number() -> None:
    assert math.isnan(as_float("value", np.float32("nan")))


@pytest.mark.parametrize("value", ["0.5", None, 1j, [1.0], np.array(["a"]), object()])
def test_what_is_no_number_is_named(value: object) -> None:
    with pytest.raises(TypeError, match="value must be a number"):
        as_float("value", value)


def test_several_numbers_are_not_one() -> None:
    with pytest.raises(ValueError, match=r"value must be one number, got an array of shape \(2,\)"):
        as_float("value", np.zeros(2))


def test_an_int_beyond_floats() -> None:
    with pytest.raises(ValueError, match="value must fit a 64-bit float"):
        as_float("value", 10**400)


def test_a_plugin_knows_other_kinds() -> None:
    assert as_float("value", "four", lambda v: 4 if v == "four" else None) == 4.0


@pytest.mark.parametrize("step", [None, 0, -5, 2**63 - 1, np.int64(7)])
def test_steps(step: object) -> None:
    assert as_step("step", step) == step


@pytest.mark.parametrize(
    ("step", "error"), [(1.0, TypeError), ("1", TypeError), (True, TypeError), (2**63, ValueError)]
)
def test_what_is_no_step(step: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="step must"):
        as_step("step", step)


@pytest.mark.parametrize("value", [-0.001, 1.001, math.nan, math.inf, 50])
def test_progress_outside_its_range(value: float) -> None:
    with pytest.raises(ValueError, match=r"value must lie between 0 \(nothing done\) and 1"):
        as_progress("value", value)


def test_progress_that_was_summed_up_may_be_off_by_rounding() -> None:
    for n in range(2, 500):
        done = 0.0
        for _ in range(n):
            done += 1 / n
            assert 0 < as_progress("value", done) <= 1


def test_progress_inside() -> None:
    assert [as_progress("value", v) for v in (0, 1, np.float32(0.5))] == [0.0, 1.0, 0.5]
