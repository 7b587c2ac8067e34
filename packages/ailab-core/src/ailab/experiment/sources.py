"""The code of a run, and of the folder one works in, as plain folders to compare and to run.

Only here is it known how code is kept.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ailab.experiment.code import copy_code as copy_snapshot
from ailab.experiment.code.restore import restore

if TYPE_CHECKING:
    from ailab.experiment.recorded import Run

__all__ = ["code_of", "copy_code", "working_code"]


@contextmanager
def code_of(run: Run, segment: int | None = None) -> Iterator[Path]:
    """Within the block, a folder with the run's code, to read only; an empty or missing one if none was kept.

    Args:
        segment: of a resumed run the code of this segment; default: of the last one that kept any.

    Raises:
        OSError, ValueError: the workspace's objects are missing or damaged.
    """
    kept = {path.name for path in run.path.iterdir()}
    name = _name(kept) if segment is None else "src" if segment == 1 else f"src.{segment}"
    if name in kept or f"{name}.json" not in kept:
        yield run.path / name
        return
    with tempfile.TemporaryDirectory(prefix="ailab-") as temporary:  # too many files for a plain folder of its own
        restore(run.path, Path(temporary) / "code", name)
        yield Path(temporary) / "code"


def _name(kept: Iterable[str]) -> str:
    """The last segment's among the names in a run's folder: ``src``, or ``src.N``."""
    numbers = [int(match[1]) for name in kept if (match := re.fullmatch(r"src\.(\d+)(?:\.json)?", name))]
    return f"src.{max(numbers)}" if numbers else "src"


@contextmanager
def working_code(workspace: Path) -> Iterator[Path]:
    """Within the block, a copy of what a run that is started here and now would keep of the current folder."""
    with tempfile.TemporaryDirectory(prefix="ailab-") as temporary:
        copy_snapshot(Path.cwd(), Path(temporary), workspace)
        yield Path(temporary)


def copy_code(run: Run, folder: Path, segment: int | None = None) -> None:
    """Put a run's code into an existing, empty folder, as files of its own that may be changed.

    Args:
        segment: as `code_of`.

    Raises:
        ValueError: the run kept no code.
        OSError: the folder cannot be written to.
    """
    with code_of(run, segment) as source:
        if not source.is_dir() or not any(source.iterdir()):
            which = "" if segment is None or segment == 1 else f" of its segment {segment}"
            raise ValueError(f"{run.id} kept no code{which} (snapshot=False?), so it cannot be run again")
        shutil.copytree(source, folder, dirs_exist_ok=True, symlinks=True)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o200)  # those in src/ are read-only, as they are links
