"""Telling whether a run's files are still those that were read."""

import os

from ailab.experiment.record import RunReader

__all__ = ["look", "poll_and_look", "signature"]

_TOP = ("run.json", "config.json")


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
        for name in _TOP:
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


def poll_and_look(reader: RunReader, run: str) -> tuple[bool, str, dict[str, int]]:
    """Poll a new reader, and what `look` would have said right before, from the files as the reader opened them.

    Asking each of thousands of runs for the same twice took a tenth of the time of reading it. The signature is empty
    where the reader could not open everything there is: only a look before it read can tell then.

    Raises:
        OSError: as `RunReader.poll`, or the run's folder is gone.
    """
    parts = [str(os.lstat(run).st_ino)]
    changed = reader.poll()
    seen, listed = reader.seen, reader.listed
    nothing: tuple[bool, str, dict[str, int]] = (changed, "", {})
    if listed is None or any(name not in seen for name in _TOP):
        return nothing
    files: list[str] = []
    sizes: dict[str, int] = {}
    for key, found in seen.items():
        _, below, name = key.partition("streams/")
        if not below:
            parts.append(f"{key}-" if found is None else _one(key, found))
        elif found is not None:
            files.append(_one(name, found))
            sizes[f"{run}/{key}"] = found.st_size
        elif name in listed:
            return nothing
    for name in listed:
        if (key := f"streams/{name}") not in seen:  # nothing was read of it
            try:
                found = os.lstat(f"{run}/{key}")
            except OSError:
                return nothing
            files.append(_one(name, found))
            sizes[f"{run}/{key}"] = found.st_size
    files.sort()
    return changed, "/".join(parts + files), sizes


def _one(name: str, found: os.stat_result) -> str:
    return f"{name}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"
