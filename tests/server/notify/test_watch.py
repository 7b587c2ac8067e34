from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ailab_server.config.parts import Notify
from ailab_server.models import RunSummary
from ailab_server.notify.numbers import Range
from ailab_server.notify.watch import RunWatch


def row(state: str = "running", id: str = "a", error: str | None = None) -> RunSummary:
    return RunSummary(
        id=id, experiment="digits", name="run1", state=state, progress=None, eta_seconds=None, created=0.0, updated=0.0,  # type: ignore[arg-type]
        finished=None, host="gpu1", user="ada", task=None, primary=None, error=error, damaged=False, revision=1,
    )  # fmt: skip


class Watched:
    """A watch, and the values that its one run has."""

    def __init__(self, **keys: Any) -> None:
        self.values: dict[str, float] = {}
        self.logged: list[dict[str, float]] = []
        self.asked = 0
        self.skipped = 0
        self.now = 0.0
        self.away: Exception | None = None
        self.rows: dict[str, RunSummary] = {}
        self.watch = RunWatch(Notify.model_validate(keys), self.rows.get, self.latest, self.numbers, lambda: self.now)

    def latest(self, run: str) -> dict[str, float]:
        self.asked += 1
        return self.values

    def numbers(self, run: str, skip: bool) -> Watched:
        self.skipped = len(self.logged) if skip else 0
        return self

    def read(self) -> dict[str, Range]:
        self.asked += 1
        if self.away is not None:
            raise self.away
        new, self.skipped = self.logged[self.skipped :], len(self.logged)
        found: dict[str, list[float]] = {}
        for values in new:
            for name, value in values.items():
                found.setdefault(name, []).append(value)
        return {name: Range.of(np.array(values)) for name, values in found.items()}

    def log(self, **values: float) -> None:
        """Log these, and let a while go by."""
        self.logged.append(values)
        self.values |= values
        self.now += 10

    def look(self, run: RunSummary, quiet: bool = False) -> list[str]:
        self.rows[run.id] = run
        return [notification.text for notification in self.watch.look(run.id, run.state, quiet)]


@pytest.mark.parametrize(
    ("state", "text"),
    [("finished", "has finished"), ("failed", "has failed: out of memory"), ("killed", "was killed"),
     ("stale", "has not been heard of for a while")],
)  # fmt: skip
def test_the_end_of_a_run_is_told_once(state: str, text: str) -> None:
    watched = Watched(on=[state])
    assert watched.look(row()) == []
    ended = row(state, error="out of memory" if state == "failed" else None)
    assert watched.look(ended) == [f"run run1 of digits on gpu1 {text}"]
    assert watched.look(ended) == []


def test_only_what_was_asked_for_is_told() -> None:
    watched = Watched(on=["failed"])
    watched.log(loss=math.nan)
    assert [watched.look(row(state)) for state in ("running", "stale", "running", "finished")] == [[], [], [], []]
    assert watched.asked == 0  # values are not even looked at


def test_a_resumed_run_that_fails_again_is_told_again() -> None:
    watched = Watched(on=["failed"])
    told = [len(watched.look(row(state))) for state in ("running", "failed", "running", "failed")]
    assert told == [0, 1, 0, 1]


def test_what_was_so_at_the_start_is_no_news_but_what_follows_is() -> None:
    watched = Watched()
    watched.log(loss=math.nan)
    assert watched.look(row("failed", "old"), quiet=True) == []
    assert watched.look(row("failed", "old")) == []
    assert watched.look(row(), quiet=True) == []
    assert watched.look(row()) == []  # the same NaN
    assert len(watched.look(row("failed"))) == 1


@pytest.mark.parametrize(("value", "shown"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")])
def test_a_value_that_is_no_number_is_told_once(value: float, shown: str) -> None:
    watched = Watched()
    watched.log(acc=1.0, loss=1.0)
    assert watched.look(row()) == []
    watched.log(acc=1.0, loss=value)
    assert watched.look(row()) == [f"run run1 of digits on gpu1 has loss = {shown}"]
    watched.log(acc=math.nan)
    assert watched.look(row()) == []


def test_each_threshold_is_told_once() -> None:
    watched = Watched(thresholds=[{"metric": "loss", "above": 10}, {"metric": "acc", "above": 0.9, "below": 0.1}])
    watched.log(loss=10.0, acc=0.5)
    assert watched.look(row()) == []
    watched.log(loss=11.0, acc=0.05)
    assert watched.look(row()) == [
        "run run1 of digits on gpu1 has loss = 11, above 10",
        "run run1 of digits on gpu1 has acc = 0.05, above 0.9 or below 0.1",
    ]
    watched.log(loss=12.0)
    assert watched.look(row()) == []
    watched.watch.forget("a")
    assert len(watched.look(row())) == 2


def test_the_last_values_of_a_run_that_ends_are_judged_too() -> None:
    watched = Watched(on=["nan"])
    watched.look(row())
    watched.logged.append({"loss": math.nan})
    assert len(watched.look(row("finished"))) == 1


def test_what_passed_between_two_looks_is_told_too() -> None:
    watched = Watched(thresholds=[{"metric": "loss", "above": 10}, {"metric": "loss", "below": 0}])
    watched.look(row())
    for value in (1.0, 12.0, math.nan, -1.0, 1.0):
        watched.log(loss=value)
    assert watched.look(row()) == [
        "run run1 of digits on gpu1 has loss = nan",
        "run run1 of digits on gpu1 has loss = 12, above 10",
        "run run1 of digits on gpu1 has loss = -1, below 0",
    ]


def test_what_a_run_that_is_over_at_first_sight_logged_is_told() -> None:
    watched = Watched(on=["nan"])
    watched.log(loss=math.nan)
    watched.log(loss=1.0)
    assert watched.look(row("finished")) == ["run run1 of digits on gpu1 has loss = nan"]


def test_a_run_that_changes_all_the_time_is_read_once_a_second() -> None:
    watched = Watched(on=["nan"])
    for _ in range(100):
        watched.look(row())
        watched.now += 0.1
    assert 9 <= watched.asked <= 11
    watched.logged.append({"loss": math.nan})
    assert watched.look(row("finished")) != []  # its end is the last chance


@pytest.mark.parametrize("over", ["finished", "stale"])
def test_a_run_that_goes_on_is_not_told_its_past(over: str) -> None:
    watched = Watched(on=["nan"])
    watched.log(loss=math.nan)
    watched.log(loss=1.0)
    assert watched.look(row(over), quiet=True) == []
    assert watched.look(row()) == []
    watched.log(loss=math.inf)
    assert watched.look(row()) == ["run run1 of digits on gpu1 has loss = inf"]


def test_runs_that_were_over_at_the_start_are_not_read() -> None:
    watched = Watched()
    for number in range(100):
        assert watched.look(row("finished", f"old{number}"), quiet=True) == []
    assert watched.asked == 0


def test_a_run_that_cannot_be_read_just_now_is_judged_later() -> None:
    watched = Watched()
    watched.log(loss=math.nan)
    watched.away = OSError(116, "stale file handle")
    assert watched.look(row()) == []
    watched.away = None
    assert len(watched.look(row())) == 1


def test_a_readers_own_mistake_is_that_runs_trouble(caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched(on=["nan", "failed"])
    watched.away = RuntimeError("odd")
    watched.log(loss=math.nan)
    assert watched.look(row()) == []
    assert len(watched.look(row("failed", error="x"))) == 1
    assert "cannot be judged" in caplog.text
