from __future__ import annotations

from typing import Any

import pytest

from ailab.experiment.choosing import Column, Order, choose
from ailab.experiment.filters import Filter, FilterError


class Thing:
    def __init__(self, number: int, **facts: Any) -> None:
        self.number = number
        self.facts = facts

    def look_up(self, name: str) -> Any:
        return self.facts.get(name)

    def reduce(self, metric: str, how: str) -> float | None:
        return {"min": min, "max": max}[how](self.facts[metric]) if metric in self.facts else None

    def names(self) -> list[str]:
        return list(self.facts)


THINGS = [
    Thing(0, loss=2.0, kind="a", **{"val-loss": 5.0}),
    Thing(1, loss=1.0, kind="b", **{"val loss!": 3.0}),
    Thing(2, kind="a", lr="high"),
    Thing(3, loss=float("nan"), kind="b", lr=0.1),
    Thing(4, loss=1.0, kind="a", lr=0.01),
]


def numbers(filter: str = "", *sort: str) -> list[int]:
    orders = [Order(one) for one in sort]
    found = choose(THINGS, lambda thing: thing, Filter(filter), orders, lambda thing: (float(thing.number), ""))
    return [thing.number for thing in found]


@pytest.mark.parametrize(
    ("filter", "sort", "found"),
    [
        ("", [], [4, 3, 2, 1, 0]),
        ("kind == 'a'", [], [4, 2, 0]),
        ("", ["loss"], [4, 1, 0, 3, 2]),  # NaN is no value; equal ones by age
        ("", ["-loss"], [0, 4, 1, 3, 2]),
        ("", ["lr"], [4, 3, 2, 1, 0]),  # numbers before texts, what is missing last
        ("", ["kind", "-loss"], [0, 4, 2, 1, 3]),
        ("", [" - loss "], [0, 4, 1, 3, 2]),
        ("", ["abs(loss - 2)"], [0, 4, 1, 3, 2]),
        ("", ["val-loss"], [0, 4, 3, 2, 1]),  # a name as it is before a difference of two
        ("", ["val loss!"], [1, 4, 3, 2, 0]),  # no expression at all
    ],
)
def test_what_is_chosen_in_which_order(filter: str, sort: list[str], found: list[int]) -> None:
    assert numbers(filter, *sort) == found


@pytest.mark.parametrize(
    ("filter", "sort", "message"),
    [
        ("", ["los"], "the sort key names 'los', which no run has; did you mean loss"),
        ("", ["a b"], "the sort key cannot be read"),
        ("", ["-"], "a name is empty"),
        ("los < 1", [], "did you mean loss"),
        ("kind == 'a'", ["nope.at.all"], "which no run has"),
    ],
)
def test_what_no_run_has_is_refused(filter: str, sort: list[str], message: str) -> None:
    with pytest.raises(FilterError, match=message):
        numbers(filter, *sort)


def test_a_name_that_only_others_have_is_none_here() -> None:
    column = Column("val loss!")
    assert column.value(THINGS[0]) is None
    column.check_names(lambda: ["val loss!"])
    with pytest.raises(FilterError, match="the column cannot be read"):
        column.check_names(lambda: ["loss"])
