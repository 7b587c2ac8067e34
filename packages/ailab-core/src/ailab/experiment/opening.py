"""The folder of a run that starts: a new one, or that of an earlier run which goes on."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ailab.experiment.encode import to_jsonable
from ailab.experiment.joining import earlier_attempt, find_run, lives
from ailab.experiment.names import check_file_name
from ailab.experiment.ranks import ranks_here, system_prefix
from ailab.experiment.record.files import read_regular, replace_file
from ailab.experiment.record.layout import RunFolder, create_run_folder

if TYPE_CHECKING:
    import pluggy

    from ailab.experiment.config import Config

__all__ = ["Opening", "open_run"]


@dataclass(frozen=True)
class Opening:
    """A run's folder, and where the run stands.

    Attributes:
        segment: 1 for a new run, one more each time it is resumed.
        leader: this process writes the run's ``run.json``, ``config.json``, code and output; the other ranks of a
            distributed run only log.
        rank: this process's number among those that log into the run; None where it is the only one.
        ranks: what the leader notes in ``run.json`` for the others to find the run by.
        written: the configuration as it is kept.
        system: what the names of the machine's metrics begin with; None: this process logs none.
        warnings: what the user has to know about how the run was found.
        info: an earlier segment's ``run.json``.
        steps, image_steps: the last step of each metric and image so far.
        tags, notes: as they were last set, by the run or by anyone else.
    """

    folder: RunFolder
    segment: int = 1
    leader: bool = True
    rank: int | None = None
    ranks: dict[str, Any] | None = None
    written: dict[str, Any] = field(default_factory=dict)
    system: str | None = "system/"
    warnings: tuple[str, ...] = ()
    info: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    image_steps: dict[str, int] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    notes: str = ""


def open_run(
    config: Config, workspace: Path, plugins: pluggy.PluginManager, run_id: str | None, together: bool = True
) -> Opening:
    """Make a new run's folder with its ``config.json``; or with ``run_id`` find that run, or make it if there is none.

    The ranks of a distributed training open one run: the first makes it, the others find it.

    Args:
        config: what is written. A resumed run whose configuration differs gets ``config.N.json`` beside the first.
        workspace: the folder of all experiments; made if missing.
        plugins: the manager whose ``ailab_config_encode`` is asked.
        run_id: the name of the run's folder. Ranks of a distributed run that give the same one are one run.
        together: whether the ranks find one another without one.

    Raises:
        ValueError: ``train.experiment_name`` or ``run_id`` cannot be a folder's name, or a living process of this
            machine writes the run.
        OSError: the folder or the file cannot be made; nothing of a new one is left then.
    """
    encode = plugins.hook.ailab_config_encode
    name = check_file_name("config.train.experiment_name", config.train.experiment_name)
    written = to_jsonable(config.to_dict(), lambda value: encode(value=value))
    content = json.dumps(written, indent=2, allow_nan=False).encode()
    if run_id is not None:
        check_file_name("run_id", run_id)
    part = _part(workspace.absolute() / name, run_id, together)
    new = False
    try:
        new = part.run_id is None or not (workspace.absolute() / name / part.run_id).exists()
        folder = create_run_folder(workspace.absolute(), name, part.run_id)
        try:
            if part.leader:
                opening = Opening(folder) if part.run_id is None else _resume(folder)
                _write_config(opening, content)
            else:
                opening = _join(folder, content, part.rank)
        except OSError:
            if new:
                shutil.rmtree(folder.path, ignore_errors=True)
            raise
    except OSError as error:
        # The same type and errno, with what was being done.
        raise type(error)(error.errno, f"cannot make a run in the workspace {workspace}: {error.strerror}") from error
    return replace(
        opening,
        leader=part.leader,
        rank=part.rank,
        ranks=part.facts,
        written=written,
        system="system/" if part.leader else system_prefix(),
        warnings=(*part.warnings, *opening.warnings),
    )


@dataclass(frozen=True)
class _Part:
    """What this process has to do with a run: the one of that id, or a new one; leading it or not."""

    run_id: str | None
    leader: bool = True
    rank: int | None = None
    facts: dict[str, Any] | None = None
    warnings: tuple[str, ...] = ()


_started: Counter[str] = Counter()
"""By the ranks' key: how many runs this process has opened with them."""


def _part(experiment: Path, run_id: str | None, together: bool) -> _Part:
    ranks = ranks_here()
    if run_id is not None:
        if ranks is not None:
            return _Part(run_id, ranks.rank == 0, ranks.rank, {"size": ranks.size})
        number = os.environ.get("RANK", "")
        return _Part(run_id, False, int(number)) if number.isdigit() and int(number) else _Part(run_id)
    if ranks is None or not together:
        return _Part(None)
    nth = _started[ranks.key]
    _started[ranks.key] += 1
    if ranks.rank == 0:
        return _Part(earlier_attempt(experiment, ranks, nth), True, 0, ranks.facts(nth))
    found = find_run(experiment, ranks, nth)
    if found is not None:
        return _Part(found, False, ranks.rank)
    return _Part(
        None,
        warnings=(
            f"this is rank {ranks.rank} of {ranks.size}, and rank 0 has started no run of {experiment.name}: it logs "
            "into a run of its own. Call setup in rank 0 as well, with the same workspace and experiment name; or set "
            "AILAB_RUN_ID for all ranks, or AILAB_RANKS=apart for a run each",
        ),
    )


def _join(folder: RunFolder, content: bytes, rank: int | None) -> Opening:
    """What another rank than the first has to know of the run."""
    from ailab.experiment.difference import changes
    from ailab.experiment.recorded import Run

    run = Run.at(folder.path)
    # Those of this rank alone, in an earlier attempt: the ranks count alike, whoever of them logs first.
    steps = {
        name: int(values["step"][values["time"].argmax()])
        for name, values in run.all_values(rank=rank).items()
        if len(values)
    }
    differ = changes(run.config, json.loads(content)) if run.config else []
    if not differ:
        return Opening(folder, steps=steps)
    named = ", ".join(change.path for change in differ[:5]) + (", ..." if len(differ) > 5 else "")
    message = f"this rank's configuration is not that of rank 0, which is the one that is kept: {named}"
    return Opening(folder, steps=steps, warnings=(message,))


def _write_config(opening: Opening, content: bytes) -> None:
    folder = opening.folder
    if opening.segment == 1:
        replace_file(folder.config, content)
        return
    try:
        same = read_regular(folder.config) == content
    except FileNotFoundError:
        same = False
    if not same:
        replace_file(folder.path / f"config.{opening.segment}.json", content)


def _resume(folder: RunFolder) -> Opening:
    from ailab.experiment.record.reader import RunReader

    reader = RunReader(folder.path)
    reader.poll()
    if not reader.info:
        return Opening(folder)  # new, or made by another rank a moment ago
    if not reader.over and lives(reader.info):
        raise ValueError(
            f"the run {folder.path.name} is still being written by process {reader.info['pid']} of this machine; "
            "end that first, or use another run_id"
        )
    earlier = reader.info.get("segments")
    segment = len(earlier) + 1 if isinstance(earlier, list) and earlier else 2
    steps = {name: metric.last_step for name, metric in reader.metrics.items()}
    images: dict[str, int] = {}
    for image in reader.images:
        if image.step is not None:
            images[image.name] = max(image.step, images.get(image.name, image.step))
    tags, notes = _edits(folder)
    return Opening(folder, segment, info=reader.info, steps=steps, image_steps=images, tags=tags, notes=notes)


def _edits(folder: RunFolder) -> tuple[tuple[str, ...], str]:
    """The latest tags and notes among the events of all writers."""
    latest: dict[str, dict[str, Any]] = {}
    for file in sorted(folder.streams.glob("*.jsonl")):
        for line in read_regular(file).split(b"\n"):
            if not line.startswith((b'{"type": "tags"', b'{"type": "notes"')):
                continue
            try:
                event = json.loads(line)
            except ValueError:
                continue  # cut off
            when = event.get("time")
            if isinstance(when, int | float) and when >= latest.get(event["type"], {}).get("time", when):
                latest[event["type"]] = event
    tags, notes = latest.get("tags", {}).get("tags"), latest.get("notes", {}).get("text")
    words = tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()
    return words, notes if isinstance(notes, str) else ""
