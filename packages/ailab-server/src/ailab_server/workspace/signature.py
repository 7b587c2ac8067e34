"""Telling whether a run's files are still those that were read."""

import os

__all__ = ["look", "signature"]


def signature(run: str) -> str:
    """Which files a run's summary is made of, each with its number, size and time of change.

    It differs whenever one of them was written to, replaced, added or taken away. Empty, which equals no other, when
    that cannot be told.
    """
    return look(run)[0]


def look(run: str) -> tuple[str, dict[str, int]]:
    """The signature of a run's files, and how long each of its stream files is."""
    sizes: dict[str, int] = {}
    lstat = os.lstat
    try:
        parts = [str(lstat(run).st_ino)]
        for name in ("run.json", "config.json"):
            try:
                parts.append(_one(name, lstat(f"{run}/{name}")))
            except FileNotFoundError:
                parts.append(f"{name}-")
        files = []
        try:
            with os.scandir(f"{run}/streams") as entries:
                for entry in entries:
                    found = entry.stat(follow_symlinks=False)
                    files.append(_one(entry.name, found))
                    sizes[entry.path] = found.st_size
        except (FileNotFoundError, NotADirectoryError):
            files.append("streams-")
        parts += sorted(files)
    except OSError:
        return "", {}
    return "/".join(parts), sizes


def _one(name: str, found: os.stat_result) -> str:
    return f"{name}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"
