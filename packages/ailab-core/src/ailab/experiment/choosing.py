"""Which of many runs are meant, and in which order: what ``ailab list``, `Workspace` and a server have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from ailab.experiment.filters import Filter, FilterError, Subject

__all__ = ["Column", "Each", "NamedSubject", "Order", "choose", "one_by_one"]

T = TypeVar("T")
R = TypeVar("R")


class Each(Protocol):
    """``look`` of every item, in the items' order: one by one, or many at a time where that is quicker."""

    def __call__(self, items: Iterable[T], look: Callable[[T], R]) -> Iterator[R]: ...


def one_by_one(items: Iterable[T], look: Callable[[T], R]) -> Iterator[R]:
    """For what is in memory."""
    return map(look, items)


class NamedSubject(Subject, Protocol):
    """A run as a filter sees it, which also says what there is to ask for."""

    def names(self) -> Iterable[str]:
        """Every name that `look_up` knows."""


class Column:
    """What is shown of each run, or sorted by: a name as it is (``val-loss``), else an expression (``min(loss)``).

    Args:
        text: a fact, a metric, a path of the configuration, or an expression of the filters' language.
        called: what its errors call it.

    Raises:
        FilterError: it is empty.
    """

    def __init__(self, text: str, called: str = "column") -> None:
        self.text = text.strip()
        if not self.text:
            raise FilterError("a name is empty; name a fact, a metric, a path of the configuration or an expression")
        self._met = False
        self._filter: Filter | None = None
        self._error: FilterError | None = None
        try:
            self._filter = Filter(self.text, called)
        except FilterError as error:  # it may be a name all the same: a metric's can be any text
            self._error = error

    def value(self, subject: Subject) -> Any:
        """What a run has of it; None if nothing.

        Raises:
            FilterError: a time or a span is compared with a text that is none.
        """
        found = subject.look_up(self.text)
        if found is not None:
            self._met = True
            return found
        return None if self._filter is None else self._filter.value(subject)

    def check_names(self, known: Callable[[], Iterable[str]]) -> None:
        """Refuse what no run has; as `Filter.check_names`, after all runs were asked.

        Raises:
            FilterError: it is no name that a run has, and no expression of such names.
        """
        if self._met:
            return
        if self._filter is not None:
            self._filter.check_names(known)
        elif self._error is not None and self.text not in known():
            raise self._error


class Order:
    """A key to sort by, the smallest first; with ``-`` before it the largest. Runs without a value come last.

    Args:
        text: a `Column`, or one after ``-``.

    Raises:
        FilterError: there is nothing to sort by.
    """

    def __init__(self, text: str) -> None:
        text = text.strip()
        self.reverse = text.startswith("-")
        self.column = Column(text[1:] if self.reverse else text, "sort key")

    def sorted(self, runs: Sequence[T], subject: Callable[[T], Subject], each: Each = one_by_one) -> list[T]:
        """The runs in order; those with equal values stay as they were.

        Raises:
            FilterError: as `Column.value`.
        """
        keyed = list(zip(each(runs, lambda run: self.column.value(subject(run))), runs, strict=True))
        without = [run for value, run in keyed if _is_nothing(value)]
        # Kinds do not compare with one another: numbers come before texts.
        having = [(value, run) for value, run in keyed if not _is_nothing(value)]
        having.sort(
            key=lambda pair: (0, pair[0], "") if isinstance(pair[0], int | float) else (1, 0.0, str(pair[0])),
            reverse=self.reverse,
        )
        return [run for _, run in having] + without


def choose(
    runs: Sequence[T],
    subject: Callable[[T], NamedSubject],
    chosen: Filter,
    orders: Sequence[Order],
    age: Callable[[T], tuple[float, str]],
    oldest_first: bool = False,
    each: Each = one_by_one,
) -> list[T]:
    """The runs that pass a filter, by ``orders``, the first of which counts most; where those are equal by age.

    Args:
        subject: a run as filters see it.
        age: when a run was made, and its id; asked of those that passed.
        each: how all of them are asked.

    Raises:
        FilterError: a name that no run has, where it stands and what it is close to.
    """
    found = list(runs)
    if chosen.text:
        passed = each(runs, lambda run: chosen.matches(subject(run)))
        found = [run for run, passes in zip(runs, passed, strict=True) if passes]
    ages = zip(each(found, age), range(len(found)), strict=True)
    found = [found[place] for _, place in sorted(ages, reverse=not oldest_first)]
    for order in reversed(orders):
        found = order.sorted(found, subject, each)
    if runs:
        asked: list[Filter | Column] = [chosen]
        if found:  # a name is looked for only in those that passed
            asked += [order.column for order in orders]
        for one in asked:
            one.check_names(lambda: (name for run in runs for name in subject(run).names()))
    return found


def _is_nothing(value: Any) -> bool:
    return value is None or value != value
