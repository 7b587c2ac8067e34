"""Telling whether a run's files are still those that were read."""

import os
import stat

__all__ = ["signature"]


def signature(run: str) -> str:
    """Which files a run's summary is made of, each with its number, size and time of change.

    It differs whenever one of them was written to, replaced, added or taken away. Empty, which equals no other, when
    that cannot be told.
    """
    try:
        found = os.stat(run, follow_symlinks=False)
        parts = [f"{found.st_ino}"]
        for name in ("run.json", "config.json"):
            try:
                parts.append(_one(name, os.stat(f"{run}/{name}", follow_symlinks=False)))
            except FileNotFoundError:
                parts.append(f"{name}-")
        streams = f"{run}/streams"
        try:
            found = os.stat(streams, follow_symlinks=False)
        except FileNotFoundError:
            return "/".join([*parts, "streams-"])
        parts.append(_one("streams", found))
        if stat.S_ISDIR(found.st_mode):
            with os.scandir(streams) as entries:
                files = [_one(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
            parts += sorted(files)
    except OSError:
        return ""
    return "/".join(parts)


def _one(name: str, found: os.stat_result) -> str:
    return f"{name}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"
