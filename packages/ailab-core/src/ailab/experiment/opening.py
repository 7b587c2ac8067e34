"""The folder of a run that starts: a new one, or that of an earlier run which goes on."""

from __future__ import annotations

import json
import os
import shutil
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ailab.experiment.encode import to_jsonable
from ailab.experiment.names import check_file_name
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
        info: an earlier segment's ``run.json``.
        steps, image_steps: the last step of each metric and image so far.
        tags, notes: as they were last set, by the run or by anyone else.
    """

    folder: RunFolder
    segment: int = 1
    leader: bool = True
    info: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    image_steps: dict[str, int] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    notes: str = ""


def open_run(config: Config, workspace: Path, plugins: pluggy.PluginManager, run_id: str | None) -> Opening:
    """Make a new run's folder with its ``config.json``; or with ``run_id`` find that run, or make it if there is none.

    Args:
        config: what is written. A resumed run whose configuration differs gets ``config.N.json`` beside the first.
        workspace: the folder of all experiments; made if missing.
        plugins: the manager whose ``ailab_config_encode`` is asked.
        run_id: the name of the run's folder. Ranks of a distributed run that give the same one are one run.

    Raises:
        ValueError: ``train.experiment_name`` or ``run_id`` cannot be a folder's name, or a living process of this
            machine writes the run.
        OSError: the folder or the file cannot be made; nothing of a new one is left then.
    """
    encode = plugins.hook.ailab_config_encode
    name = check_file_name("config.train.experiment_name", config.train.experiment_name)
    written = to_jsonable(config.to_dict(), lambda value: encode(value=value))
    content = json.dumps(written, indent=2, allow_nan=False).encode()
    leader = run_id is None or os.environ.get("RANK", "0") in ("", "0")
    new = False
    try:
        if run_id is not None:
            path = workspace.absolute() / name / check_file_name("run_id", run_id)
            new = not path.exists()
        folder = create_run_folder(workspace.absolute(), name, run_id)
        try:
            if not leader:
                return Opening(folder, leader=False)
            opening = Opening(folder) if run_id is None else _resume(folder)
            _write_config(opening, content)
        except OSError:
            if run_id is None or new:
                shutil.rmtree(folder.path, ignore_errors=True)
            raise
    except OSError as error:
        # The same type and errno, with what was being done.
        raise type(error)(error.errno, f"cannot make a run in the workspace {workspace}: {error.strerror}") from error
    return opening


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
    pid = reader.info.get("pid")
    if not reader.over and isinstance(pid, int) and pid != os.getpid():
        started = reader.created or 0.0
        if reader.info.get("host") == socket.gethostname() and _alive(pid, started):
            raise ValueError(
                f"the run {folder.path.name} is still being written by process {pid} of this machine; "
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
    return Opening(folder, segment, True, reader.info, steps, images, tags, notes)


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


def _alive(pid: int, before: float) -> bool:
    """Whether the process lives and is old enough to be the one that is meant (numbers are used again)."""
    try:
        return os.stat(f"/proc/{pid}").st_mtime <= before + 1.0 and _state(pid) != "Z"
    except OSError:
        return False


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
