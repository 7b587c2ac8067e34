"""Seeing what is worth telling in how runs change."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

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
        latest: a run's newest values by metric; called only where a value is to be judged.
    """

    def __init__(self, config: Notify, latest: Callable[[str], Mapping[str, float]]) -> None:
        self._config = config
        self._latest = latest
        self._states: dict[str, str] = {}
        self._told: dict[str, set[str]] = {}
        self._judges = "nan" in config.on or ("threshold" in config.on and bool(config.thresholds))

    def look(self, run: RunSummary, quiet: bool) -> Sequence[Notification]:
        """What is new of ``run``. ``quiet``: it was so before the server started, and is nobody's news."""
        found: list[Notification] = []
        before = self._states.get(run.id)
        self._states[run.id] = run.state
        if run.state != before and run.state in _STATES and run.state in self._config.on:
            why = f": {run.error}" if run.error else ""
            found.append(Notification(cast(Happening, run.state), run, f"{_name(run)} {_WORDS[run.state]}{why}"))
        if self._judges and (run.state == "running" or run.state != before):
            found += self._judge(run)
        return [] if quiet else found

    def forget(self, run: str) -> None:
        """The run is gone."""
        self._states.pop(run, None)
        self._told.pop(run, None)

    def _judge(self, run: RunSummary) -> list[Notification]:
        told = self._told.setdefault(run.id, set())
        values = self._latest(run.id)
        found = []
        if "nan" in self._config.on and "nan" not in told:
            bad = next((name for name, value in values.items() if not math.isfinite(value)), None)
            if bad is not None:
                told.add("nan")
                found.append(Notification("nan", run, f"{_name(run)}: {bad} is {values[bad]}"))
        if "threshold" in self._config.on:
            for number, rule in enumerate(self._config.thresholds):
                value = values.get(rule.metric)
                if value is None or f"{number}" in told or not rule.broken_by(value):
                    continue
                told.add(f"{number}")
                found.append(Notification("threshold", run, f"{_name(run)}: {rule.metric} is {value:g}, {rule}"))
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
