"""Runs that differ in the seed alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ailab.experiment.settings import flatten

if TYPE_CHECKING:
    from ailab.experiment.recorded import Run

__all__ = ["SeedGroup", "group_key", "independent", "is_seed", "seed_groups"]


@dataclass
class SeedGroup:
    """Runs of one experiment, configuration and data, whatever their seeds.

    Attributes:
        key: a hash of what they have in common.
        runs: in the order they were given.
    """

    experiment: str
    key: str
    runs: list[Run] = field(default_factory=list)

    @property
    def seeds(self) -> list[dict[str, Any]]:
        """The seeds of each run, by the configuration's path."""
        return [{path: value for path, value in flatten(run.config).items() if is_seed(path)} for run in self.runs]

    @property
    def primary(self) -> str | None:
        return next((run.primary for run in self.runs if run.primary is not None), None)

    @property
    def counted(self) -> list[Run]:
        """The runs that say something about the noise: `independent` ones, of the finished if there are any."""
        finished = [run for run in self.runs if run.state == "finished"]
        return independent(finished or self.runs)

    def lasts(self, metric: str) -> list[float]:
        """The last value of a metric of each run that counts and has it."""
        return [run.last(metric) for run in self.counted if metric in run.metrics]


def independent(runs: Iterable[Run]) -> list[Run]:
    """Of runs with the same configuration, seeds included, only the first: a repetition (`ailab reproduce`) is no
    second sample, and counting it would make the noise look small. Runs without a seed all count.
    """
    found: list[Run] = []
    known: set[str] = set()
    for run in runs:
        fields = flatten(run.config)
        key = json.dumps([run.experiment, fields], sort_keys=True)
        if key not in known or not any(is_seed(path) and value is not None for path, value in fields.items()):
            known.add(key)
            found.append(run)
    return found


def is_seed(path: str) -> bool:
    """Whether a configuration's path names a seed: its last part is ``seed``, or ends or begins so."""
    name = path.rpartition(".")[2].lower()
    return name in ("seed", "seeds") or name.endswith("_seed") or name.startswith("seed_")


def group_key(run: Run) -> str:
    """A hash of what runs of one group share: experiment, configuration without seeds, versions of the datasets."""
    config = {path: value for path, value in flatten(run.config).items() if not is_seed(path)}
    shared = [run.experiment, config, run.info.get("datasets")]
    return hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()[:12]


def seed_groups(runs: Iterable[Run]) -> list[SeedGroup]:
    """The runs in groups, in the order of each group's first."""
    groups: dict[str, SeedGroup] = {}
    for run in runs:
        key = group_key(run)
        groups.setdefault(key, SeedGroup(run.experiment, key)).runs.append(run)
    return list(groups.values())
