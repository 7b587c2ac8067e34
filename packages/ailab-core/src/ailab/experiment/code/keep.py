"""Keeping the code of a run: the list ``src.json``, and ``src/`` where it is small enough to be made each time."""

from __future__ import annotations

import json
from pathlib import Path

from ailab.experiment.code.restore import link_files
from ailab.experiment.code.snapshot import take_snapshot
from ailab.experiment.record.files import replace_file
from ailab.experiment.record.layout import RunFolder

__all__ = ["keep_source"]


def keep_source(source: Path, folder: RunFolder, segment: int, most_linked: int) -> list[str]:
    """Keep the code under ``source`` with a run; returns what was left out and why.

    Args:
        source: the folder with the code.
        folder: the run's.
        segment: a resumed run's code goes to ``src.N.json`` and ``src.N/``.
        most_linked: with more files than that ``src/`` is not made; ``ailab.experiment.code.restore`` does it.

    Raises:
        OSError: the workspace cannot be written to.
    """
    workspace = folder.path.parent.parent
    taken = take_snapshot(source, workspace)
    name = "src" if segment == 1 else f"src.{segment}"
    facts = {
        "tree": taken.tree,
        "files": taken.files,
        "bytes": taken.bytes,
        "left_out": taken.left_out,
        "folder": str(source),
        "restore": f"python -m ailab.experiment.code.restore {folder.path}",
    }
    replace_file(folder.path / f"{name}.json", json.dumps(facts, indent=2).encode())
    if taken.files <= most_linked:
        link_files(taken, workspace, folder.path / name)
    return taken.left_out
