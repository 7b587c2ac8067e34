"""Keeping the code of the working directory with a run, each file once per workspace."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ailab.experiment.code.store import ObjectStore
from ailab.experiment.code.walk import Decisions, is_secret, walk
from ailab.experiment.record.files import replace_file

__all__ = ["Snapshot", "copy_code", "take_snapshot"]

_LARGEST_FILE = 1 << 20
_LARGEST_TOTAL = 64 << 20
_MOST_FILES = 5000
_YOUNG_NS = 2_000_000_000
"""A file changed so recently may change again without another time stamp."""


@dataclass
class Snapshot:
    """What was kept, and what was not and why.

    Attributes:
        tree: the hash of the list of files.
        paths: relative path → (hash, whether it is executable).
    """

    tree: str = ""
    files: int = 0
    bytes: int = 0
    left_out: list[str] = field(default_factory=list)
    paths: dict[str, tuple[str, bool]] = field(default_factory=dict)


def take_snapshot(root: Path, workspace: Path, cache: Path | None = None) -> Snapshot:
    """Keep the files under ``root`` that ``.gitignore`` does not exclude in the workspace's object store.

    Left out without a word: version control, caches, virtual environments, links, and the workspace. Left out and
    named: files over 1 MiB, secrets by their usual names, and whatever exceeds 5,000 files or 64 MiB.

    Args:
        root: the folder with the code.
        workspace: the folder of all experiments.
        cache: a folder on the local disk that remembers the hashes of unchanged files; default: ``ailab/code`` in
            the user's cache. It may be deleted at any time.

    Raises:
        OSError: the workspace cannot be written to. A source file that cannot be read is named in ``left_out``.
    """
    top, store, taken = os.path.realpath(root), ObjectStore(workspace), Snapshot()
    memory = _Memory(cache or _cache_folder(), top, workspace)
    # Whoever removes objects removes lists first: where the last list is, all its files are.
    complete = bool(memory.tree) and store.holds(memory.tree, memory.tree_size)
    decisions = Decisions(memory.decisions)
    listed: list[list[Any]] = []
    for path, stat in _chosen(top, workspace, decisions, taken):
        key = memory.known(path, stat) if complete else None
        if key is None:
            try:
                data = Path(top, path).read_bytes()
            except OSError as error:
                taken.left_out.append(f"{path} ({error.strerror})")
                continue
            key = store.put(data)
            memory.keep(path, stat, key)
        executable = bool(stat.st_mode & 0o100)
        taken.paths[path] = (key, executable)
        listed.append([path, key, stat.st_size, executable])
        taken.files += 1
        taken.bytes += stat.st_size
    tree = json.dumps({"schema": 1, "files": listed}, separators=(",", ":")).encode()
    taken.tree = store.put(tree)
    memory.save(taken.tree, len(tree), decisions)
    return taken


def copy_code(root: Path, target: Path, workspace: Path) -> Snapshot:
    """Copy the files that `take_snapshot` would keep into ``target``, as files of their own.

    Raises:
        OSError: ``target`` cannot be written to.
    """
    top, taken = os.path.realpath(root), Snapshot()
    target.mkdir(parents=True, exist_ok=True)
    for path, stat in _chosen(top, workspace, Decisions(), taken):
        try:
            data = Path(top, path).read_bytes()
        except OSError as error:
            taken.left_out.append(f"{path} ({error.strerror})")
            continue
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(0o755 if stat.st_mode & 0o100 else 0o644)
        taken.files += 1
        taken.bytes += stat.st_size
    return taken


def _chosen(top: str, workspace: Path, decisions: Decisions, taken: Snapshot) -> Iterator[tuple[str, os.stat_result]]:
    """The files to keep; the others are named in ``taken.left_out``. The caller counts what it took."""
    for path, stat in walk(top, os.path.realpath(workspace), decisions, taken.left_out):
        if is_secret(path.rpartition("/")[2]):
            taken.left_out.append(f"{path} (may hold secrets)")
        elif stat.st_size > _LARGEST_FILE:
            taken.left_out.append(f"{path} ({stat.st_size / 2**20:.1f} MiB)")
        elif taken.files >= _MOST_FILES or taken.bytes + stat.st_size > _LARGEST_TOTAL:
            limits = f"limit of {_MOST_FILES} files, {_LARGEST_TOTAL >> 20} MiB"
            taken.left_out.append(f"{path} and what follows ({limits})")
            return
        else:
            yield path, stat


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "ailab" / "code"


class _Memory:
    """What the last snapshot of this folder found, on the local disk: hashes by the files' stat."""

    def __init__(self, folder: Path, root: str, workspace: Path) -> None:
        key = hashlib.sha256(f"{root}\0{workspace.resolve()}".encode(errors="surrogateescape")).hexdigest()[:20]
        self._path = folder / f"{key}.json"
        self._started = time.time_ns()
        self._used: dict[str, list[Any]] = {}
        self._changed = False
        try:
            content = json.loads(self._path.read_bytes())
            self._files: dict[str, list[Any]] = dict(content["files"])
            self.tree, self.tree_size = str(content["tree"]), int(content["tree_size"])
            self.decisions = content["decisions"]
        except (OSError, ValueError, KeyError, TypeError):  # none yet, or not ours: everything is read anew
            self._files, self.tree, self.tree_size, self.decisions = {}, "", 0, None

    def known(self, path: str, stat: os.stat_result) -> str | None:
        """The hash of an unchanged file."""
        entry = self._files.get(path)
        if entry is None or entry[:4] != [stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino]:
            return None
        self._used[path] = entry
        return str(entry[4])

    def keep(self, path: str, stat: os.stat_result, key: str) -> None:
        if self._started - max(stat.st_mtime_ns, stat.st_ctime_ns) > _YOUNG_NS:
            self._used[path] = [stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino, key]
            self._changed = True

    def save(self, tree: str, size: int, decisions: Decisions) -> None:
        if not self._changed and tree == self.tree:
            return
        content = {"tree": tree, "tree_size": size, "files": self._used, "decisions": decisions.dump()}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, json.dumps(content).encode())
        except OSError:
            return  # no home, a full disk: the next run takes longer, nothing else
