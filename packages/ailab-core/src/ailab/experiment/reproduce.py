"""Running a recorded run again and saying whether the same comes out."""

from __future__ import annotations

import math
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ailab.experiment.config_layers import FILE_VARIABLE, PREFIX, RECORDED_VARIABLE
from ailab.experiment.difference import Change, changes, code_differences, environment_of
from ailab.experiment.environment import git_state, packages
from ailab.experiment.record.layout import discover
from ailab.experiment.recorded import Run
from ailab.experiment.segments import Segment
from ailab.experiment.sources import code_of, copy_code

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Verdict", "command_of", "judge", "preflight", "rebuild", "run_again", "same_values"]

# Measured by the clock or on the machine, so never the same twice.
_MEASURED = ("data/wait_fraction", "system/")
# What steers runs that are started from here, of which the repetition is none.
_OF_THIS_SHELL = (
    FILE_VARIABLE, "AILAB_TASK_ID", "AILAB_RUN_ID", "AILAB_NAME", "AILAB_TAGS", "AILAB_MODE", "AILAB_RANKS", "RANK",
    "WORLD_SIZE",
)  # fmt: skip
# Where a run lies and what it is called is no part of what it computes.
_PLACES = ("train.checkpoint_path",)


@dataclass
class Verdict:
    """How a run and its repetition compare.

    Attributes:
        same: every metric agrees within the tolerance.
        metric, step: where they first diverge, by step; None where they do not, or a metric is missing on one side.
        expected, got: the values there.
        largest: metric to the largest difference, relative to the larger of the two values.
        missing: metrics that only one of the two has, or that have other steps.
        data, code, config, environment: what differs of each.
    """

    same: bool
    metric: str | None = None
    step: int | None = None
    expected: float | None = None
    got: float | None = None
    largest: dict[str, float] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    data: list[Change] = field(default_factory=list)
    code: dict[str, str] = field(default_factory=dict)
    config: list[Change] = field(default_factory=list)
    environment: list[Change] = field(default_factory=list)

    @property
    def causes(self) -> list[str]:
        """Which of data, code, config and environment differ."""
        return [name for name in ("data", "code", "config", "environment") if getattr(self, name)]


def command_of(run: Segment, folder: Path) -> list[str]:
    """The recorded command, to be run in ``folder``: this Python in place of the recorded one, paths into the recorded
    folder in place of ... that folder.

    Raises:
        ValueError: no command was recorded, its script was not kept, or it started one of several ranks.
    """
    recorded = run.info.get("command")
    if not isinstance(recorded, list) or not recorded or not all(isinstance(part, str) for part in recorded):
        raise ValueError(f"{run.run.id} recorded no command, so it cannot be run again")
    ranks = run.info.get("ranks")
    if isinstance(ranks, dict) and ranks.get("size") not in (None, 1):
        raise ValueError(
            f"{run.run.id} had {ranks.get('size')} ranks, and its command ({' '.join(recorded)}) is what their "
            "launcher started for each: launch them again yourself, and compare with --against"
        )
    there = str(run.info.get("folder") or "")
    command = [
        str(folder / part[len(there) + 1 :]) if there and part.startswith(there + "/") else part for part in recorded
    ]
    if Path(command[0]).name.startswith("python"):
        command[0] = sys.executable
    script = next((part for part in command[1:] if part.endswith(".py") and not part.startswith("-")), None)
    if script is not None and not (folder / script).is_file():
        raise ValueError(f"{run.run.id} was started as {script}, which is not in its snapshot; it cannot be run again")
    return command


def rebuild(run: Segment, folder: Path, links: Sequence[str] = ()) -> None:
    """Put the code that a segment ran into an empty folder.

    Args:
        links: paths relative to the folder that the run was started in, such as ``data``, which are linked to from
        there.

    Raises:
        ValueError: the run kept no code, or a link leads out of the folder or to nothing.
        OSError: the folder cannot be written to.
    """
    copy_code(run.run, folder, run.number)
    for link in links:
        target = Path(str(run.info.get("folder") or "")) / link
        place = folder / link
        if Path(link).is_absolute() or ".." in Path(link).parts or place.exists():
            raise ValueError(
                f"cannot link {link!r}: expected a path below the run's folder that is not in its snapshot"
            )
        if not target.exists():
            raise ValueError(f"cannot link {link!r}: there is no {target} on this machine")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)


def preflight(run: Segment) -> list[str]:
    """What is known to differ before anything runs, a line for each: packages, Python, platform, the commit."""
    here = {**environment_of({}), "python": platform.python_version(), "platform": platform.platform()}
    here |= {"gpus": os.environ.get("CUDA_VISIBLE_DEVICES"), "packages": packages()}
    then = environment_of(run.info)
    if not then["packages"]:
        here["packages"] = {}
    found = [f"{change.path}: {change.a!r} then, {change.b!r} now" for change in changes(then, here)]
    found += _commit(run)
    found += [
        f"the snapshot is not whole: {warning}"
        for warning in run.run.warnings
        if "not kept in the run's src/" in warning
    ]
    return found


def _commit(run: Segment) -> list[str]:
    git = run.info.get("git")
    folder = Path(str(run.info.get("folder") or ""))
    if not isinstance(git, dict):
        return []
    found = []
    if git.get("dirty"):
        found.append(f"commit {git.get('commit')} had uncommitted changes, which the snapshot holds")
    here = git_state(folder) if folder.is_dir() else None
    if here is not None and here["commit"] != git.get("commit"):
        found.append(f"commit: {git.get('commit')} then, {here['commit']} now in {folder}; the snapshot is what runs")
    return found


def run_again(
    run: Segment,
    folder: Path,
    workspace: Path,
    output: Callable[[str], None] = lambda line: None,
) -> Run:
    """Run a recorded command in ``folder`` (see `rebuild`) as a new run of ``workspace``, and wait for its end.

    The recorded configuration goes along as ``AILAB_CONFIG_RECORDED``, which `Config.from_cli` heeds, so that
    overrides which came from the environment then are the same now; overrides in this environment are left out. With
    it a run is always a new one: a ``run_id`` in the code would make it go on with the run that is to be reproduced.

    Args:
        output: called with each line that it prints.

    Raises:
        ValueError: it cannot be run, or made no run of its own.
        OSError: the command cannot be started.
    """
    command = command_of(run, folder)
    before = set(discover(workspace))
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(PREFIX) and name not in _OF_THIS_SHELL
    }
    environment |= {"AILAB_WORKSPACE": str(workspace), RECORDED_VARIABLE: str(run.config_path), "PWD": str(folder)}
    last: list[str] = []
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace",
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            last = [*last[-19:], line]
            output(line.rstrip("\n"))
    made = [Run(path) for path in discover(workspace) if path not in before]
    # Others may start runs in the meantime: ours says that it ran here.
    ours = [one for one in made if Path(str(one.info.get("folder"))).resolve() == folder.resolve()]
    if not ours:
        raise ValueError(
            f"the command ended with code {process.returncode} and made no run in {workspace}:\n"
            + "".join(last).rstrip()
        )
    return min(ours, key=lambda one: one.created or math.inf)


def judge(run: Segment, again: Run, rtol: float = 1e-5, atol: float = 1e-8) -> Verdict:
    """Compare a run with its repetition, value by value.

    Two values are the same if they differ by at most ``atol + rtol * |expected|``, as in ``numpy.isclose``; NaN is the
    same as NaN. Metrics that measure time or the machine are left out. So are the steps of the repetition before the
    segment's first, which earlier segments had done, and those after the last of one that did not get to its end. Of
    distributed runs the first ranks are compared.
    """
    verdict = Verdict(same=True)
    then = run.values()
    now = _overlapping(run, then, again.all_values(rank=0))
    first: tuple[int, str, float | None, float | None] | None = None
    for name in dict.fromkeys([*then, *now]):
        if name.startswith(_MEASURED):
            continue
        if name not in then or name not in now:
            verdict.missing.append(name)
            continue
        at, verdict.largest[name], lengths_agree = same_values(then[name], now[name], rtol, atol)
        if not lengths_agree:
            verdict.missing.append(name)
        if at is not None:
            a, b = (values[at] if at < len(values) else None for values in (then[name], now[name]))
            record = a if a is not None else b
            assert record is not None
            step = int(record["step"])
            if first is None or step < first[0]:
                first = (step, name, None if a is None else float(a["value"]), None if b is None else float(b["value"]))
    if first is not None:
        verdict.step, verdict.metric, verdict.expected, verdict.got = first
    verdict.same = first is None and not verdict.missing
    verdict.data = changes({"datasets": run.run.info.get("datasets")}, {"datasets": again.info.get("datasets")})
    with code_of(run.run, run.number) as a_code, code_of(again) as b_code:
        verdict.code = code_differences(a_code, b_code)
    verdict.config = [change for change in changes(run.config, again.config) if change.path not in _PLACES]
    verdict.environment = changes(environment_of(run.info), environment_of(again.info))
    return verdict


def _overlapping(
    run: Segment, then: dict[str, npt.NDArray[Any]], now: dict[str, npt.NDArray[Any]]
) -> dict[str, npt.NDArray[Any]]:
    """The part of the repetition's values that the segment can have had."""
    interrupted = run.number < run.count or run.run.state != "finished"
    if interrupted:
        now = {name: values for name, values in now.items() if name in then}
    found = dict(now)
    for name in then.keys() & now.keys():
        values, steps = now[name], then[name]["step"]
        from_there = run.number == 1 or values["step"] >= steps.min()
        to_there = not interrupted or values["step"] <= steps.max()
        found[name] = values[np.broadcast_to(np.logical_and(from_there, to_there), len(values))]
    return found


def same_values(
    then: npt.NDArray[Any], now: npt.NDArray[Any], rtol: float, atol: float
) -> tuple[int | None, float, bool]:
    """Where two series first differ, by how much at most, and whether they are equally long.

    Returns:
        The position of the first value that differs (or whose step does, or that only one has), None if there is none;
        the largest relative difference; whether the lengths agree.
    """
    n = min(len(then), len(now))
    a, b = then["value"][:n], now["value"][:n]
    differ = (then["step"][:n] != now["step"][:n]) | ~np.isclose(b, a, rtol=rtol, atol=atol, equal_nan=True)
    with np.errstate(all="ignore"):
        relative = np.abs(a - b) / np.maximum(np.abs(a), np.abs(b))
    finite = relative[np.isfinite(relative)]
    at = int(differ.argmax()) if differ.any() else n if len(then) != len(now) else None
    return at, float(finite.max()) if len(finite) else 0.0, len(then) == len(now)
