"""The two ways of logging numbers: the quick one must write what the careful one would."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ailab.experiment
from ailab.experiment import Config, Run
from ailab.experiment.run import ActiveRun

NUMBERS: list[Any] = [
    0.5,
    3,
    True,
    np.float32(0.5),
    np.float64(2),
    np.int8(-3),
    np.bool_(True),
    np.array([[7]]),
    Fraction(1, 4),
]


@pytest.fixture
def run(tmp_path: Path, config: Config) -> Iterator[ActiveRun]:
    with ailab.experiment.start(
        config, workspace=tmp_path, snapshot=False, capture_output=False, system_seconds=None
    ) as run:
        yield run


@pytest.fixture
def quick_only(monkeypatch: pytest.MonkeyPatch) -> Any:
    """From its call on, whatever takes the careful way fails."""

    def forbid() -> None:
        def careful(argument: str, value: object) -> Any:
            raise AssertionError(f"{argument} was looked over: {value!r}")

        monkeypatch.setattr("ailab.experiment.metrics.flattened", careful)
        monkeypatch.setattr("ailab.experiment.metrics.check_metric_name", careful)

    return forbid


@pytest.mark.parametrize(
    "values",
    [
        {str(i): value for i, value in enumerate(NUMBERS)},
        {"train": {"loss": 1.0, "deep": {"acc": np.float32(0.5)}}, "val": {"loss": 2}, "lr": 0.1},
        {"train/loss": 1.0, "train": {"acc": 0.5}},
        {"nan": float("nan"), "train": {"inf": np.float32("inf")}},
    ],
)
def test_once_known_no_value_is_looked_over_again(run: ActiveRun, quick_only: Any, values: dict[str, Any]) -> None:
    run.log(values)
    run.log(values, step=7)
    quick_only()
    run.log(values)
    run.log(values, step=np.int64(20))
    run.finish()
    found = Run(run.path)
    flat = _flat(values)
    assert found.metrics == list(flat)
    for name, value in flat.items():
        assert found.values(name)["step"].tolist() == [0, 7, 8, 20]
        np.testing.assert_array_equal(found.values(name)["value"], np.full(4, _python(value)))


def _python(value: Any) -> float:
    return float(value.item() if hasattr(value, "item") else value)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= _flat(value, f"{prefix}{name}/") if isinstance(value, Mapping) else {prefix + name: value}
    return found


@pytest.mark.parametrize("value", NUMBERS)
def test_a_single_value_of_every_kind(run: ActiveRun, quick_only: Any, value: Any) -> None:
    run.log_value("a", value)
    quick_only()
    run.log_value("a", value, step=5)
    run.log_value("a", value)
    run.finish()
    assert Run(run.path).values("a")["value"].tolist() == [_python(value)] * 3
    assert Run(run.path).values("a")["step"].tolist() == [0, 5, 6]


def test_a_metric_that_stands_there_twice_is_logged_once(run: ActiveRun) -> None:
    for _ in range(3):
        run.log({"a": {"b": 1.0}, "a/b": 2.0})
    run.finish()
    assert Run(run.path).values("a/b")["value"].tolist() == [2.0] * 3
    assert Run(run.path).values("a/b")["step"].tolist() == [0, 1, 2]


def test_any_mapping_nests(run: ActiveRun) -> None:
    for _ in range(2):
        run.log({"a": OrderedDict(b=1.0)})
    run.finish()
    assert Run(run.path).values("a/b")["step"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (np.zeros(2), ValueError, "must be one number"),
        (np.array("high"), TypeError, "must be a number"),
        (10**400, ValueError, "must fit a 64-bit float"),
    ],
)
def test_a_bad_value_of_a_known_kind_is_named(run: ActiveRun, bad: Any, error: type[Exception], message: str) -> None:
    known = {"a": np.array(1.0), "b": {"c": 5}}
    run.log(known)
    run.log_value("a", 2.0)
    with pytest.raises(error, match=f"a {message}"):
        run.log({"b": {"c": 6}, "a": bad})
    with pytest.raises(error, match=f"value {message}"):
        run.log_value("a", bad)
    run.finish()
    assert Run(run.path).values("b/c")["value"].tolist() == [5.0]
    assert Run(run.path).values("a")["value"].tolist() == [1.0, 2.0]


def test_nothing_is_known_any_more_once_the_run_is_over(run: ActiveRun) -> None:
    run.log({"a": {"b": 1.0}})
    run.finish()
    with pytest.raises(RuntimeError, match="nothing can be logged"):
        run.log({"a": {"b": 1.0}})
