"""Getting a run's code back as a plain folder: ``python -m ailab.experiment.code.restore RUN [FOLDER [SEGMENT]]``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from ailab.experiment.code.snapshot import Snapshot
from ailab.experiment.code.store import ObjectStore
from ailab.experiment.code.tree import parse_tree
from ailab.experiment.record.files import read_regular

__all__ = ["link_files", "restore"]


def link_files(snapshot: Snapshot, workspace: Path, target: Path) -> None:
    """Make the plain folder ``target`` of the files of a snapshot, without taking up room for them.

    They are links to the workspace's objects, and read-only for that reason; copies where the file system has no
    links, and where a file is executable.

    Raises:
        OSError: the folder cannot be written to.
    """
    store = ObjectStore(workspace)
    made: set[str] = set()
    linking = True
    target.mkdir(parents=True, exist_ok=True)
    for path, (key, executable) in snapshot.paths.items():
        folder = os.path.dirname(path)  # noqa: PTH120 - thousands of files
        if folder not in made:
            (target / folder).mkdir(parents=True, exist_ok=True)
            made.add(folder)
        if linking and not executable:
            try:
                os.link(store.path(key), target / path)
                continue
            except FileExistsError:
                continue
            except OSError:
                linking = False
        _copy(store, key, executable, target / path)


def restore(run: Path, target: Path, name: str = "src") -> int:
    """Copy the code of a run into the new or empty folder ``target``; returns the number of files.

    Args:
        name: the code that ``NAME.json`` lists: ``src``, or ``src.N`` for that of a resumed run's segment N.

    Raises:
        FileExistsError: ``target`` holds something already.
        OSError, ValueError: the run has no code, or the workspace's objects are missing or damaged.
    """
    run = run.absolute()
    if f"{name}.json" not in os.listdir(run):
        raise FileNotFoundError(f"{run} holds no {name}.json: no code was kept, or it is no run's folder")
    kept = json.loads(read_regular(run / f"{name}.json"))
    store = ObjectStore(run.parent.parent)
    files = parse_tree(store.get(str(kept["tree"])))
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise FileExistsError(f"{target} holds something already")
    inside = target.resolve()
    for file in files:
        place = inside / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        _copy(store, file.key, file.executable, place)
    return len(files)


def _copy(store: ObjectStore, key: str, executable: bool, place: Path) -> None:
    data = store.get(key)
    place.write_bytes(data)
    place.chmod(0o755 if executable else 0o644)


def main() -> None:
    if len(sys.argv) not in (2, 3, 4) or not all(part.isdigit() for part in sys.argv[3:]):
        sys.exit("usage: python -m ailab.experiment.code.restore RUN [FOLDER [SEGMENT]]")
    run = Path(sys.argv[1])
    name = "src" if sys.argv[3:] in ([], ["1"]) else f"src.{sys.argv[3]}"
    target = Path(sys.argv[2]) if len(sys.argv) > 2 else run / "src"
    try:
        count = restore(run, target, name)
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    sys.stdout.write(f"{count} files in {target}\n")


if __name__ == "__main__":
    main()
