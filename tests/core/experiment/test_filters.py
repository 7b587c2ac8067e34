from __future__ import annotations

import math
import time
from typing import Any

import pytest

from ailab.experiment.filter_values import Moment, Span, parse_moment, parse_span
from ailab.experiment.filters import Filter, FilterError


class Some:
    """A run as a dict of names, and metrics as lists."""

    def __init__(self, names: dict[str, Any], metrics: dict[str, list[float]] | None = None) -> None:
        self.names, self.metrics = names, metrics or {}

    def look_up(self, name: str) -> Any:
        return self.metrics[name][-1] if name in self.metrics else self.names.get(name)

    def reduce(self, metric: str, how: str) -> float | None:
        values = self.metrics.get(metric)
        if not values:
            return None
        reduce = {"min": min, "max": max, "last": lambda v: v[-1], "count": len, "first": lambda v: v[0]}
        return reduce[how](values)  # type: ignore[operator, no-any-return]


RUN = Some(
    {
        "train.batch_size": 64, "train.flip": True, "arch.model": {"$class": "nets:Big"}, "state": "finished",
        "tags": ["paper"],
        "created": Moment(time.time() - 3600), "duration": Span(7200), "notes": "very good", "train.sizes": [1, 2],
    },
    {"loss": [3.0, 0.1, 0.2], "val/loss": [0.4], "nan": [math.nan], "a": [6.0], "b": [3.0]},
)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "",
        "loss < 0.3",
        "loss < 0.3 and train.batch_size == 64",
        "0.1 < loss <= 0.2",
        "min(loss) == 0.1 and max(loss) == 3 and first(loss) == 3 and count(loss) == 3",
        "val/loss == 0.4",
        "min(val/loss) == 0.4",
        "min('val/loss') == 0.4",
        "a/b == 2",
        "(a - b) * 2 + 1 == 7 and -a == -6 and a % 4 == 2 and a // 4 == 1",
        "abs(b - a) == 3",
        "state in ('finished', 'failed')",
        "state == 'finished' and not state == 'failed'",
        "'paper' in tags and 'draft' not in tags",
        "'good' in notes",
        "created > '2h ago' and created < '30m ago' and created > '2020-01-01'",
        "duration > '90m' and duration == '2h' and duration == 7200",
        "missing == None and missing is None and missing != 3",
        "not missing < 3 and not missing > 3",
        "arch.model == 'Big' and arch.model == 'nets:Big'",
        "train.flip",
        "train.sizes == [1, 2]",
        "nan != nan",
        "a / 0 != 1",
        "state == 'x' or loss < 1",
    ],
)
def test_what_passes(text: str) -> None:
    assert Filter(text).matches(RUN)


@pytest.mark.parametrize(
    "text",
    [
        "loss > 0.3", "missing < 3", "missing + 1 > 0", "nan < 1", "nan > 1", "state < 3", "'x' in missing",
        "loss == '0.2'",
        "duration < '1h'", "created < '2h ago'", "arch.model == 'Bi'", "0.2 < loss < 0.3", "not loss < 1",
        "0.1 < loss < 0.2",
        "min(missing) < 1",
    ],
)  # fmt: skip
def test_what_does_not(text: str) -> None:
    assert not Filter(text).matches(RUN)


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("loss <", "the filter cannot be read: it ends too early", 6),
        ("'ü' == 'ü' and", "it ends too early", 14),
        ("loss = 3", "cannot be read: equal is written ==", 5),
        ("'ü' == 'ü' and loss = 3", "equal is written ==", 20),
        ("loss\0", "cannot contain null bytes", None),
        ("loss 3", "cannot be read: invalid syntax", None),
        ("x + __import__('os')", "calls what is not there; there are min", 4),
        ("loss.__class__.__mro__()", "calls what is not there", 0),
        ("2 ** 9 > 1", r"an operator that is not there; there are \+ - \* / // %", 0),
        ("[x for x in y]", "holds a listcomp", 0),
        ("(lambda: 1)", "holds a lambda", 1),
        ("tags[0]", "holds a subscript", 0),
        ("f'{loss}'", "holds a joinedstr", 0),
        ("min(1 + loss) < 2", "takes min of something that is no metric's name", 4),
        ("'ü' == 1 and open('x')", "calls what is not there", 13),
    ],
)
def test_what_the_language_does_not_have(text: str, message: str, column: int | None) -> None:
    with pytest.raises(FilterError, match=message) as caught:
        Filter(text)
    *_, line, pointer = str(caught.value).split("\n")
    assert line == f"  {text}"
    assert column is None or pointer == f"  {' ' * column}^"


@pytest.mark.parametrize("text", ["1" * 2001, "(" * 500 + ")" * 500, "-" * 300 + "1", "\0"])
def test_what_would_be_too_much(text: str) -> None:
    with pytest.raises(FilterError):
        Filter(text)


def test_numbers_do_not_grow_without_end() -> None:
    big = "*".join(["999999999"] * 45)
    assert Filter(f"{big} > 1").matches(RUN)
    assert Filter(f"1{'0' * 400} + 1 == a or True").matches(RUN)


def test_a_time_that_is_none() -> None:
    with pytest.raises(FilterError, match="expected a time such as '2d ago', .*, got 'recently'"):
        Filter("created > 'recently'").matches(RUN)
    with pytest.raises(FilterError, match="expected a span such as .*, got 'long'"):
        Filter("duration > 'long'").matches(RUN)


def test_names_that_no_run_has() -> None:
    asked = Filter("los < 3 or train.batchsize == 2")
    asked.matches(RUN)
    known = ["loss", "train.batch_size", "state"]
    with pytest.raises(FilterError, match="names 'los', which no run has; did you mean loss") as caught:
        asked.check_names(lambda: known)
    assert str(caught.value).endswith("  los < 3 or train.batchsize == 2\n  ^")
    with pytest.raises(FilterError, match="names 'batchsize', which no run has; did you mean train.batch_size"):
        Filter("batchsize == 3").check_names(lambda: known)
    with pytest.raises(FilterError, match="names 'zzz', which no run has; known are loss, train.batch_size, state"):
        Filter("zzz == 3").check_names(lambda: known)


def test_names_that_were_not_asked_for_may_be_there_all_the_same() -> None:
    asked = Filter("state == 'x' and loss < 3 and val/acc < 1 and train == None")
    assert not asked.matches(RUN)
    asked.check_names(lambda: ["loss", "val/acc", "train.batch_size", "state"])


def test_the_names_of_a_filter() -> None:
    assert Filter("min(loss) < 3 and train.x == 1 and loss > 0").names == ["loss", "train.x"]


def test_spans_and_moments() -> None:
    assert parse_span("1d 12h") == 36 * 3600
    assert parse_span("90s") == parse_span("1.5m") == 90
    assert parse_span("90") is None
    now = time.mktime((2026, 11, 22, 19, 30, 0, 0, 0, -1))
    assert parse_moment("2h ago", now) == parse_moment("2h", now) == now - 7200
    assert parse_moment("today", now) == parse_moment("2026-11-22", now) == now - 19.5 * 3600
    assert parse_moment("yesterday", now) == parse_moment("2026-11-21", now)
    assert parse_moment("2026-11-22 19:30", now) == now
    assert parse_moment("soon", now) is None
