"""Seeing what is worth telling in how runs change."""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ailab_server.config.parts import Happening, Notify
from ailab_server.models import RunSummary
from ailab_server.notify.numbers import Range

__all__ = ["Notification", "RunWatch"]

_log = logging.getLogger(__name__)

_STATES = ("finished", "failed", "killed", "stale")
_JUDGED_SECONDS = 1.0
"""So often at most the numbers of a running run are read: hundreds of runs may change twenty times a second."""


class Numbers(Protocol):
    """What a run logs, see ``numbers.NewNumbers``."""

    def read(self) -> Mapping[str, Range]:
        """Each metric that was logged since the last time, with its numbers. It may raise OSError."""


@dataclass(frozen=True)
class Notification:
    """One thing that happened to a run. ``text`` is one line; it holds names that a run gave itself."""

    kind: Happening
    run: RunSummary
    text: str


class RunWatch:
    """Turns changes of runs into notifications, each said once.

    Args:
        config: what is to be told.
        summary: a run's row, None when it is gone; called only where there is something to tell.
        latest: a run's newest values by metric; called only where a value is to be judged. It may raise KeyError or
            OSError for a run that cannot be read just now.
        numbers: what follows a run's numbers; True: from now on, else from the first. It may raise KeyError.
        clock: seconds of a clock that is never set.
    """

    def __init__(
        self,
        config: Notify,
        summary: Callable[[str], RunSummary | None],
        latest: Callable[[str], Mapping[str, float]],
        numbers: Callable[[str, bool], Numbers],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._summary = summary
        self._latest = latest
        self._numbers = numbers
        self._clock = clock
        self._followed: dict[str, Numbers] = {}
        self._judged: dict[str, float] = {}
        self._states: dict[str, str] = {}
        self._told: dict[str, set[str]] = {}
        self._judges = "nan" in config.on or ("threshold" in config.on and bool(config.thresholds))

    def look(self, id: str, state: str, quiet: bool) -> Sequence[Notification]:
        """What is new of a run that has changed. ``quiet``: it was so before the server started, and is no news."""
        told: list[tuple[Happening, str]] = []
        before = self._states.get(id)
        self._states[id] = state
        if state != before and state in _STATES and state in self._config.on:
            told.append((state, _WORDS[state]))
        # The values of runs that were over long ago are not read for this.
        if self._judges and (state == "running" or (state != before and not quiet)):
            told += self._judge(id, self._news(id, before, state, quiet))
        if state != "running":
            self._follow_no_more(id)
        if quiet or not told or (run := self._summary(id)) is None:
            return []
        found = []
        for kind, words in told:
            why = f": {run.error}" if kind == "failed" and run.error else ""
            found.append(Notification(kind, run, f"{_name(run)} {words}{why}"))
        return found

    def forget(self, run: str) -> None:
        """The run is gone."""
        self._states.pop(run, None)
        self._told.pop(run, None)
        self._follow_no_more(run)

    def _follow_no_more(self, run: str) -> None:
        self._followed.pop(run, None)
        self._judged.pop(run, None)

    def _news(self, id: str, before: str | None, state: str, quiet: bool) -> Mapping[str, Range]:
        """The numbers of a run that nobody has judged yet; none if that was done a moment ago and it still runs."""
        now = self._clock()
        if state == before and now - self._judged.get(id, -math.inf) < _JUDGED_SECONDS:
            return {}
        try:
            if id in self._followed:
                found = self._followed[id].read()
            elif before is None and not quiet:
                self._followed[id] = self._numbers(id, False)
                found = self._followed[id].read()
            else:  # what it logged before is no news, but what that came to may be, and all from now on
                self._followed[id] = self._numbers(id, True)
                found = {name: _only(value) for name, value in self._latest(id).items()}
        except (KeyError, OSError):  # not now: it is judged again when it changes again
            return {}
        except Exception:  # noqa: BLE001 - whatever a damaged file makes of a reader is this run's trouble alone
            _log.exception("the numbers of run %s cannot be judged", id)
            found = {}
        self._judged[id] = now
        return found

    def _judge(self, id: str, values: Mapping[str, Range]) -> list[tuple[Happening, str]]:
        told = self._told.setdefault(id, set())
        found: list[tuple[Happening, str]] = []
        if "nan" in self._config.on and "nan" not in told:
            bad = next(((name, some.odd) for name, some in values.items() if some.odd is not None), None)
            if bad is not None:
                told.add("nan")
                found.append(("nan", f"has {bad[0]} = {bad[1]}"))
        if "threshold" in self._config.on:
            for number, rule in enumerate(self._config.thresholds):
                some = values.get(rule.metric)
                if some is None or f"{number}" in told:
                    continue
                value = next((value for value in (some.high, some.low) if rule.broken_by(value)), None)
                if value is not None:
                    told.add(f"{number}")
                    found.append(("threshold", f"has {rule.metric} = {value:g}, {rule}"))
        return found


def _only(value: float) -> Range:
    return Range(value, value, None if math.isfinite(value) else value)


_WORDS = {
    "finished": "has finished",
    "failed": "has failed",
    "killed": "was killed",
    "stale": "has not been heard of for a while",
}


def _name(run: RunSummary) -> str:
    where = f" on {run.host}" if run.host else ""
    return f"run {run.name} of {run.experiment}{where}"
