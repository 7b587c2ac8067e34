"""Reading a run's code from the workspace's objects, or from its ``src/``."""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ailab.experiment.code.tree import TreeFile, parse_tree
from ailab_server.strict import text
from ailab_server.workspace.entry import Entry
from ailab_server.workspace.files import FileTooLarge, open_inside, read_inside

__all__ = ["KeptCode"]

_LARGEST_LIST = 16 << 20
_LARGEST_FILE = 4 << 20
_MOST_FILES = 10_000
_MOST_LEFT_OUT = 1_000
_OBJECTS = (".ailab", "objects")


class KeptCode:
    """The code of one segment of a run.

    Args:
        segment: 1 for how it began, more for those that resumed it.

    Attributes:
        files: path → file, by path. Without a list, files of ``src/`` have no key.
        left_out: what was not kept, and why.

    Raises:
        OSError: the run's folder cannot be read.
    """

    def __init__(self, root: Path, entry: Entry, segment: int = 1) -> None:
        self._root = root
        self._run = Path(entry.relative).parts
        self._folder = "src" if segment == 1 else f"src.{segment}"
        self.id = entry.id
        self.left_out: list[str] = []
        os.close(open_inside(root, self._run, folder=True))  # raises where the run, or the whole workspace, is away
        try:
            found = self._listed()
        except (OSError, ValueError, FileTooLarge):  # no list, or none that can be read: there may be a plain folder
            found = list(self._walked())
        self.files = {file.path: file for file in sorted(found[:_MOST_FILES], key=lambda file: file.path)}

    def id_of(self, file: TreeFile) -> str:
        """The opaque id of a file."""
        key = f"{self.id}\0{self._folder}\0{file.path}".encode("utf-8", "surrogatepass")
        return hashlib.sha256(key).hexdigest()[:20]

    def find(self, id: str) -> TreeFile:
        """The file of this id; KeyError if there is none."""
        for file in self.files.values():
            if self.id_of(file) == id:
                return file
        raise KeyError(id)

    def read(self, file: TreeFile) -> bytes:
        """What a file holds.

        Raises:
            OSError: it is missing.
            ValueError: it is damaged, or larger than 4 MiB.
        """
        try:
            if file.key:
                try:
                    data, _ = read_inside(self._root, [*_OBJECTS, file.key[:2], file.key[2:]], largest=_LARGEST_FILE)
                except OSError:  # objects were deleted, and the links of the plain folder not
                    data, _ = self._read_plain(file)
            else:
                data, _ = self._read_plain(file)
        except FileTooLarge:
            raise ValueError("it is too large") from None
        if file.key and hashlib.sha256(data).hexdigest() != file.key:
            raise ValueError("it is damaged: it does not hold what was kept")
        return data

    def digests(self) -> dict[str, str]:
        """Path → SHA-256 of every file; those without one that can be had are read."""
        return {path: file.key or self._digest(file) for path, file in self.files.items()}

    def _digest(self, file: TreeFile) -> str:
        try:
            return hashlib.sha256(self.read(file)).hexdigest()
        except (OSError, ValueError):
            return f"unreadable in {self.id}"

    def _read_plain(self, file: TreeFile) -> tuple[bytes, int]:
        return read_inside(self._root, [*self._run, self._folder, *file.path.split("/")], largest=_LARGEST_FILE)

    def _listed(self) -> list[TreeFile]:
        data, _ = read_inside(self._root, [*self._run, f"{self._folder}.json"], largest=_LARGEST_LIST)
        try:
            facts = json.loads(data)
            key = facts["tree"]
            left_out = facts.get("left_out")
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{self._folder}.json is no list: {error}") from None
        if isinstance(left_out, list):
            self.left_out = [text(line, 500) for line in left_out[:_MOST_LEFT_OUT]]
        if not isinstance(key, str) or len(key) != 64:
            raise ValueError(f"{self._folder}.json names no list of files")
        tree, _ = read_inside(self._root, [*_OBJECTS, key[:2], key[2:]], largest=_LARGEST_LIST)
        return parse_tree(tree)

    def _walked(self) -> Iterator[TreeFile]:
        try:
            top = open_inside(self._root, [*self._run, self._folder], folder=True)
        except OSError:
            return  # nothing was kept
        try:
            seen = 0
            for parent, folders, names, fd in os.fwalk(".", dir_fd=top):
                folders.sort()
                for name in sorted(names):
                    seen += 1
                    if seen > _MOST_FILES:
                        return
                    status = os.stat(name, dir_fd=fd, follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode):
                        path = name if parent == "." else f"{parent[2:]}/{name}"
                        yield TreeFile(path, "", status.st_size, bool(status.st_mode & 0o100))
        finally:
            os.close(top)
