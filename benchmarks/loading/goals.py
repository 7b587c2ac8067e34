"""The goals, most of them ratios within one run, and how a result stands to them.

Compared are the fastest epochs: whatever else a machine does can only make an epoch slower.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["GOALS", "LIMITS", "Goal", "Limit", "limits", "standing"]

Results = Mapping[str, Mapping[str, Mapping[str, Any]]]  # workload -> contender -> what was measured


@dataclass(frozen=True)
class Goal:
    """On ``workload``, the best of ``ours`` is at least ``least`` times as fast as the best of ``theirs``."""

    title: str
    workload: str
    least: float
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    field: str = "best"


def _row(title: str, least: list[float], ours: tuple[str, ...], theirs: tuple[str, ...]) -> list[Goal]:
    return [Goal(title, f"W{n}", ratio, ours, theirs) for n, ratio in enumerate(least, 1) if ratio]


def _keras(backend: str, least: list[float], ceiling: float) -> list[Goal]:
    ours = tuple(
        f"ailab keras-{backend} {s}" for s in ("default", "in-process", "2 processes", "16 threads", "64 threads")
    )
    theirs = tuple(f"keras-{backend} {s}" for s in ("serial", "2 threads", "16 threads", "2 processes"))
    title = f"Keras on {backend} / PyDataset's best"
    goals = _row(title, least, ours, theirs)
    if backend == "tensorflow":
        goals.append(Goal(title, "L3", least[2], ours, theirs))
    return [*goals, Goal(f"Keras on {backend} / ceiling", "W1", ceiling, ours, (f"keras-{backend} ceiling",))]


_TORCH = ("ailab torch default", "ailab torch in-process", "ailab torch 2 processes")
_USUAL = ("torch 0", "torch 2")
_BY_HAND = ("torch 0 numpy", "torch 2 numpy")
_DEFAULT = ("ailab torch default",)
_64 = ("ailab torch 64 threads", "ailab torch 2 processes × 32 threads")
_LONG = ("L1", "L2", "L3", "L4", "L5")
_SHORT = ("W1", "W2", "W3", "W4", "W5")
_SETTINGS = (*_TORCH, "ailab torch 16 threads", *_64)

GOALS = [
    *_row("torch / DataLoader as people use it", [8, 11, 5, 0, 1.0], _TORCH, _USUAL),
    Goal("torch by default / DataLoader as people use it", "W4", 8, _DEFAULT, _USUAL),
    *_row("torch / the best by hand", [2.5, 2.5, 4, 0, 1.0], _TORCH, _BY_HAND),
    Goal("torch, 16 threads / 16 processes by hand", "W4", 1.0, ("ailab torch 16 threads",), ("torch 16 numpy",)),
    Goal("torch, 64 threads in all / 64 processes by hand", "W4", 1.0, _64, ("torch 64 numpy",)),
    *_keras("tensorflow", [1.6, 2.3, 5, 2.5, 1.0], 0.95),
    *_keras("torch", [1.5, 1.6, 1.7, 2.5, 1.0], 0.0),
    # In epochs of seconds, and in those of a tenth of a second, in which starting workers weighs more.
    *(Goal("torch by default / its best setting", w, 0.8, _DEFAULT, _SETTINGS) for w in (*_LONG, *_SHORT)),
    *(Goal("torch: first epoch / steady", w, 0.7, _DEFAULT, _DEFAULT, "first_epoch") for w in (*_LONG, *_SHORT)),
]


@dataclass(frozen=True)
class Limit:
    """On ``workload``, ``field`` of ``ours``, times ``scale``, is ``bound`` at most, or else at least.

    ``theirs``: the bound is what that contender has, and ``bound`` more.
    """

    title: str
    workload: str
    ours: str
    field: str
    bound: float = 0.0
    scale: float = 1.0
    most: bool = True
    theirs: str | None = None


_IN_PROCESS = "ailab torch in-process"
_FORKED = "ailab torch 2 processes"

LIMITS = [
    Limit("`__getitems__`, million samples/s", "G1", "ailab numpy in-process", "best", 20, 1e-6, most=False),
    Limit("the same as tensors", "G1", _IN_PROCESS, "best", 20, 1e-6, most=False),
    *(Limit("in-process: ms to the first batch", w, _IN_PROCESS, "first_batch_s", 5, 1e3) for w in _SHORT[:3]),
    *(Limit("forked workers: ms to the first batch", w, _FORKED, "first_batch_s", 60, 1e3) for w in _SHORT[:3]),
    # What Python and its libraries happen to take meanwhile is a mebibyte either way.
    *(Limit("in-process: MiB above the start", w, _IN_PROCESS, "peak_mib", 1, theirs="torch 0") for w in _SHORT[:4]),
    *(Limit("2 processes: MiB above the start", w, _FORKED, "peak_mib", 1, theirs="torch 2") for w in _SHORT),
]


def limits(results: Results) -> list[dict[str, Any]]:
    """Each limit that was measured: ``bound`` as it was in this run, ``reached`` and whether it is ``met``."""
    found = []
    for limit in LIMITS:
        measured = results.get(limit.workload, {})
        ours = measured.get(limit.ours, {})
        other = {limit.field: 0.0} if limit.theirs is None else measured.get(limit.theirs, {})
        if limit.field not in ours or limit.field not in other:
            continue
        bound = limit.bound + other[limit.field] * limit.scale
        reached = ours[limit.field] * limit.scale
        met = reached <= bound if limit.most else reached >= bound
        found.append({"goal": limit.title, "workload": limit.workload, "most": limit.most, "bound": bound,
                      "reached": reached, "met": met, "ours": limit.ours, "theirs": limit.theirs})  # fmt: skip
    return found


def standing(results: Results) -> list[dict[str, Any]]:
    """Each goal for which both sides were measured, with the two contenders and the ratio reached."""
    found = []
    for goal in GOALS:
        measured = results.get(goal.workload, {})
        ours = _best(measured, goal.ours, goal.field)
        base = "steady" if goal.field == "first_epoch" else goal.field
        theirs = _best(measured, goal.theirs, base)
        if ours == theirs and sum(name in measured for name in goal.theirs) == 1 and goal.field == "best":
            continue  # compared with itself alone
        if goal.least and ours is not None and theirs is not None:
            ratio = measured[ours][goal.field] / measured[theirs][base]
            found.append(
                {
                    "goal": goal.title,
                    "workload": goal.workload,
                    "least": goal.least,
                    "ours": ours,
                    "theirs": theirs,
                    "ratio": ratio,
                    "met": ratio >= goal.least,
                }
            )
    return found


def _best(measured: Mapping[str, Mapping[str, Any]], names: tuple[str, ...], field: str) -> str | None:
    present = [name for name in names if field in measured.get(name, {})]
    return max(present, key=lambda name: measured[name][field], default=None)
