"""Seeing what is worth telling in how runs change."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ailab_server.config.parts import Happening, Notify
from ailab_server.models import RunSummary

__all__ = ["Notification", "RunWatch"]

_STATES = ("finished", "failed", "killed", "stale")


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
    """

    def __init__(
        self,
        config: Notify,
        summary: Callable[[str], RunSummary | None],
        latest: Callable[[str], Mapping[str, float]],
    ) -> None:
        self._config = config
        self._summary = summary
        self._latest = latest
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
            told += self._judge(id)
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

    def _judge(self, id: str) -> list[tuple[Happening, str]]:
        told = self._told.setdefault(id, set())
        try:
            values = self._latest(id)
        except (KeyError, OSError):  # not now: it is judged again when it changes again
            return []
        found: list[tuple[Happening, str]] = []
        if "nan" in self._config.on and "nan" not in told:
            bad = next((name for name, value in values.items() if not math.isfinite(value)), None)
            if bad is not None:
                told.add("nan")
                found.append(("nan", f"has {bad} = {values[bad]}"))
        if "threshold" in self._config.on:
            for number, rule in enumerate(self._config.thresholds):
                value = values.get(rule.metric)
                if value is None or f"{number}" in told or not rule.broken_by(value):
                    continue
                told.add(f"{number}")
                found.append(("threshold", f"has {rule.metric} = {value:g}, {rule}"))
        return found


_WORDS = {
    "finished": "has finished",
    "failed": "has failed",
    "killed": "was killed",
    "stale": "has not been heard of for a while",
}


def _name(run: RunSummary) -> str:
    where = f" on {run.host}" if run.host else ""
    return f"run {run.name} of {run.experiment}{where}"
