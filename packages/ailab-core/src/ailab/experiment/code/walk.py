"""Which files of a folder are its code: what ``.gitignore`` does not exclude."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pathspec

__all__ = ["Decisions", "is_secret", "walk"]

_MOST_ENTRIES = 50_000
"""Files looked at: a script started from the home folder must not walk all of it."""

_NEVER = {
    ".git", ".hg", ".svn", "__pycache__", ".ipynb_checkpoints", "node_modules", ".nox", ".tox", ".venv", ".ailab",
    ".DS_Store",
}  # fmt: skip
_SECRET = {".env", ".netrc", ".pypirc", ".ssh", ".aws"}


def is_secret(name: str) -> bool:
    """Whether a file or folder holds secrets by custom: a workspace is read by the whole group."""
    return name in _SECRET or name.startswith((".env.", "id_rsa", "id_ed25519")) or name.endswith((".pem", ".key"))


def _never(name: str) -> bool:
    return (
        name in _NEVER
        or name.endswith((".pyc", ".pyo", ".pyd", ".egg-info"))
        or (name.startswith(".") and name.endswith("_cache"))
    )


class Decisions:
    """What the ``.gitignore`` files said about each name, remembered: matching patterns is the slow part.

    Args:
        known: what `dump` returned in an earlier process.
    """

    def __init__(self, known: Any = None) -> None:
        self._known: dict[str, Any] = known if isinstance(known, dict) else {}
        self._used: dict[str, dict[str, Any]] = {}

    def ignored(self, folder: str, rules: tuple[_Rules, ...], names: list[tuple[str, bool]]) -> set[str]:
        """Those of ``names`` (each with whether it is a folder) in ``folder`` that are ignored."""
        if not rules:
            return set()
        sign = hashlib.sha256("".join(rule.sign for rule in rules).encode()).hexdigest()[:20]
        known = self._known.get(folder)
        answers: dict[str, bool] = known["names"] if isinstance(known, dict) and known.get("sign") == sign else {}
        fresh: dict[str, bool] = {}
        for name, is_folder in names:
            key = f"{name}/" if is_folder else name
            found = answers.get(key)
            fresh[key] = _ignored(f"{folder}{key}", rules) if found is None else found
        self._used[folder] = {"sign": sign, "names": fresh}
        return {key.rstrip("/") for key, ignored in fresh.items() if ignored}

    def dump(self) -> dict[str, Any]:
        return self._used


class _Rules:
    """One ``.gitignore``, compiled when first asked."""

    def __init__(self, folder: str, text: bytes) -> None:
        self.folder = folder
        self.sign = f"{folder}\0{hashlib.sha256(text).hexdigest()}\0"
        self._text = text
        self._spec: pathspec.GitIgnoreSpec | None = None

    def include(self, path: str) -> bool | None:
        if self._spec is None:
            import pathspec

            self._spec = pathspec.GitIgnoreSpec.from_lines(self._text.decode("utf-8", "replace").splitlines())
        return self._spec.check_file(path[len(self.folder) :]).include


def _ignored(path: str, rules: tuple[_Rules, ...]) -> bool:
    # As git does: the innermost .gitignore that has an opinion decides.
    for rule in reversed(rules):
        include = rule.include(path)
        if include is not None:
            return include
    return False


def walk(root: str, exclude: str, decisions: Decisions, left_out: list[str]) -> Iterator[tuple[str, os.stat_result]]:
    """The regular files under ``root`` in a stable order: paths relative to it, and their stat.

    Without a word: version control, caches, virtual environments, links, and the folder ``exclude``. Added to
    ``left_out``: folders that cannot be read or may hold secrets, and that there are too many files.

    Args:
        root, exclude: real paths, without links.
    """
    seen = 0
    pending: list[tuple[str, tuple[_Rules, ...]]] = [("", ())]
    while pending:
        folder, rules = pending.pop()
        try:
            with os.scandir(f"{root}/{folder}") as listing:
                entries = sorted(listing, key=lambda e: e.name)
        except OSError as error:
            left_out.append(f"{folder} ({error.strerror})")
            continue
        names = {entry.name for entry in entries}
        if folder and "pyvenv.cfg" in names:
            continue
        if ".gitignore" in names:
            try:
                with open(f"{root}/{folder}.gitignore", "rb") as file:  # noqa: PTH123 - strings are faster here
                    rules = (*rules, _Rules(folder, file.read()))
            except OSError:
                pass  # a link to nowhere, a folder: git ignores it too
        wanted = [e for e in entries if not _never(e.name) and not e.is_symlink()]
        kinds = [(e.name, e.is_dir(follow_symlinks=False)) for e in wanted]
        ignored = decisions.ignored(folder, rules, kinds)
        folders = []
        for entry, (name, is_folder) in zip(wanted, kinds, strict=True):
            seen += 1
            if seen > _MOST_ENTRIES:
                left_out.append(f"{folder}{name} and what follows (more than {_MOST_ENTRIES} files to look at)")
                return
            if name in ignored:
                continue
            if is_folder:
                path = f"{folder}{name}/"
                if is_secret(name):
                    left_out.append(f"{path} (may hold secrets)")
                elif f"{root}/{folder}{name}" != exclude:
                    folders.append((path, rules))
            elif entry.is_file(follow_symlinks=False):
                yield folder + name, entry.stat(follow_symlinks=False)
        pending += reversed(folders)
