"""``for batch in log.progress(loader)``: a loop that drives its run's progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from ailab.errors import shown

__all__ = ["Loops", "Progress"]

T = TypeVar("T")

_REPORT_SECONDS = 0.05


class Loops:
    """The loops that are being run through, the outermost first, and how far along they are together.

    A loop inside another fills the outer one's current step.

    Args:
        report: takes the progress of the whole, 0..1; called at most twenty times a second, and at the end.
    """

    def __init__(self, report: Callable[[float], None]) -> None:
        self._report = report
        self._open: list[Progress[object]] = []
        self._at = -_REPORT_SECONDS

    def begin(self, loop: Progress[object]) -> None:
        self._open.append(loop)

    def moved(self, now: float) -> None:
        if now - self._at >= _REPORT_SECONDS:
            self._at = now
            self._report(self.value())

    def end(self, loop: Progress[object], complete: bool) -> None:
        if loop in self._open:
            del self._open[self._open.index(loop) :]  # what was left with a break inside it ends with it
        if not self._open and complete:
            self._report(1.0)

    def value(self) -> float:
        """0..1; a loop of unknown length counts as not begun."""
        inner = 0.0
        for loop in reversed(self._open):
            inner = 0.0 if not loop.total else min(1.0, (loop.done + inner) / loop.total)
        return inner


class Progress(Generic[T]):
    """An iterable that hands on ``items`` and tells ``loops`` how many are done.

    Args:
        items: what to run through.
        total: how many there are; default: ``len(items)``, unknown if that does not say.

    Raises:
        TypeError: items cannot be iterated over, or total is no integer.
        ValueError: total is negative.
    """

    def __init__(self, items: Iterable[T], loops: Loops, total: int | None = None) -> None:
        if not hasattr(items, "__iter__") and not hasattr(items, "__getitem__"):
            raise TypeError(f"items must be something to iterate over, got {shown(items)}")
        if total is not None and (isinstance(total, bool) or not isinstance(total, int)):
            raise TypeError(f"total must be an integer or None, got {shown(total)}")
        if total is not None and total < 0:
            raise ValueError(f"total must not be negative, got {total}")
        self.items = items
        self.done = 0
        self.total = total
        if total is None:
            try:
                self.total = len(items)  # type: ignore[arg-type]
            except (TypeError, NotImplementedError):
                self.total = None  # a generator, an iterable dataset's loader
        self._loops = loops

    def __len__(self) -> int:
        if self.total is None:
            raise TypeError("the length of this loop is not known; pass total=")
        return self.total

    def __iter__(self) -> Iterator[T]:
        self.done = 0
        self._loops.begin(self)  # type: ignore[arg-type]
        complete = False
        try:
            for item in self.items:
                yield item
                self.done += 1
                self._loops.moved(time.monotonic())
            complete = True
        finally:
            self._loops.end(self, complete)  # type: ignore[arg-type]
