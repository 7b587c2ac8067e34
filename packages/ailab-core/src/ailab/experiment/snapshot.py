"""Copying the code of the working directory into a run's ``src/``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pathspec

__all__ = ["Snapshot", "take_snapshot"]

_LARGEST_FILE = 1 << 20
_LARGEST_TOTAL = 64 << 20
_MOST_FILES = 5000
_MOST_ENTRIES = 50_000
"""Files looked at: a script started from the home folder must not walk all of it."""

_NEVER = pathspec.GitIgnoreSpec.from_lines(
    [
        ".git/",
        "__pycache__/",
        "*.py[cod]",
        ".ipynb_checkpoints/",
        "node_modules/",
        "*.egg-info/",
        ".*_cache/",
        ".nox/",
        ".tox/",
        ".venv/",
        ".DS_Store",
    ]
)
# Files that hold secrets by custom: a workspace is read by the whole group.
_SECRET = pathspec.GitIgnoreSpec.from_lines(
    [".env", ".env.*", "*.pem", "*.key", "id_rsa*", "id_ed25519*", ".netrc", ".pypirc", ".ssh/", ".aws/"]
)


@dataclass
class Snapshot:
    """What was copied, and what was not and why."""

    files: int = 0
    bytes: int = 0
    left_out: list[str] = field(default_factory=list)


def take_snapshot(root: Path, target: Path, exclude: Path) -> Snapshot:
    """Copy the files under ``root`` that ``.gitignore`` does not exclude into ``target``.

    Left out without a word: version control, caches, virtual environments, links, and the folder ``exclude`` (the
        workspace). Left out and named:
    files over 1 MiB, secrets by their usual names, and whatever exceeds 5,000 files or 64 MiB.

    Raises:
        OSError: ``target`` cannot be written to. A source file that cannot be read is named in ``left_out``.
    """
    taken = Snapshot()
    target.mkdir(parents=True, exist_ok=True)
    for path, size in _candidates(root, exclude.resolve(), taken):
        relative = path.relative_to(root)
        if _SECRET.match_file(relative):
            taken.left_out.append(f"{relative} (may hold secrets)")
        elif size > _LARGEST_FILE:
            taken.left_out.append(f"{relative} ({size / 2**20:.1f} MiB)")
        elif taken.files >= _MOST_FILES or taken.bytes + size > _LARGEST_TOTAL:
            taken.left_out.append(
                f"{relative} and what follows (limit of {_MOST_FILES} files, {_LARGEST_TOTAL >> 20} MiB)"
            )
            break
        else:
            try:
                source = path.open("rb")
            except OSError as error:
                taken.left_out.append(f"{relative} ({error.strerror})")
                continue
            with source:
                destination = target / relative
                destination.parent.mkdir(parents=True, exist_ok=True)
                with destination.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
            taken.files += 1
            taken.bytes += size
    return taken


def _candidates(root: Path, exclude: Path, taken: Snapshot) -> Iterator[tuple[Path, int]]:
    """The regular files under ``root`` in a stable order, with their sizes."""
    entries_seen = 0
    ignores: dict[Path, list[tuple[Path, pathspec.GitIgnoreSpec]]] = {root: []}
    pending = [root]
    while pending:
        folder = pending.pop()
        specs = ignores.pop(folder) + _gitignore(folder)
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda e: e.name)
        except OSError as error:
            taken.left_out.append(f"{folder.relative_to(root)}/ ({error.strerror})")
            continue
        folders = []
        for entry in entries:
            path = Path(entry.path)
            entries_seen += 1
            if entries_seen > _MOST_ENTRIES:
                taken.left_out.append(
                    f"{path.relative_to(root)} and what follows (more than {_MOST_ENTRIES} files to look at)"
                )
                return
            if entry.is_symlink():
                continue
            is_folder = entry.is_dir(follow_symlinks=False)
            if _ignored(path, root, is_folder, specs):
                continue
            if is_folder:
                if path.resolve() != exclude and not (path / "pyvenv.cfg").exists():
                    ignores[path] = specs
                    folders.append(path)
            elif entry.is_file(follow_symlinks=False):
                yield path, entry.stat(follow_symlinks=False).st_size
        pending += reversed(folders)


def _gitignore(folder: Path) -> list[tuple[Path, pathspec.GitIgnoreSpec]]:
    try:
        lines = (folder / ".gitignore").read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [(folder, pathspec.GitIgnoreSpec.from_lines(lines))]


def _ignored(path: Path, root: Path, is_folder: bool, specs: list[tuple[Path, pathspec.GitIgnoreSpec]]) -> bool:
    ending = "/" if is_folder else ""
    if _NEVER.match_file(f"{path.relative_to(root)}{ending}"):
        return True
    # As git does: the innermost .gitignore that has an opinion decides.
    for folder, spec in reversed(specs):
        include = spec.check_file(f"{path.relative_to(folder)}{ending}").include
        if include is not None:
            return include
    return False
