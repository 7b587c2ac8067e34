"""In what two runs differ: configuration, code, data, environment."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ailab.experiment.record.files import read_regular
from ailab.experiment.settings import flatten

if TYPE_CHECKING:
    from ailab.experiment.recorded import Run

__all__ = [
    "ABSENT",
    "Change",
    "Differing",
    "changes",
    "code_differences",
    "compare_runs",
    "compare_several",
    "differing",
    "environment_of",
    "file_diff",
    "source_files",
    "tree_differences",
    "unified_diff",
]


class _Absent:
    """Not there at all, where None could be a value."""

    def __repr__(self) -> str:
        return "-"


ABSENT: Any = _Absent()

_LARGEST_SHOWN = 1 << 20


@dataclass(frozen=True)
class Change:
    """A path whose values differ; `ABSENT` on the side that does not have it."""

    path: str
    a: Any
    b: Any


@dataclass(frozen=True)
class Differing:
    """A path whose values differ among several; `ABSENT` where there is none."""

    path: str
    values: tuple[Any, ...]


def changes(a: Any, b: Any) -> list[Change]:
    """The leaves in which two nested dicts differ, in order. 1 and 1.0 are the same, 1 and True are not."""
    return [Change(found.path, *found.values) for found in differing([a, b])]


def differing(contents: Sequence[Any]) -> list[Differing]:
    """The leaves in which any of several nested dicts differs from the first, as `changes`."""
    flat = [flatten(content) for content in contents]
    found = []
    for path in dict.fromkeys(path for one in flat for path in one):
        values = tuple(one.get(path, ABSENT) for one in flat)
        if any((value is ABSENT) != (values[0] is ABSENT) or not _same(value, values[0]) for value in values[1:]):
            found.append(Differing(path, values))
    return found


def _same(a: Any, b: Any) -> bool:
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def environment_of(info: Mapping[str, Any]) -> dict[str, Any]:
    """What of a ``run.json`` describes the machine and the installation."""
    packages = info.get("packages")
    found = {name: info.get(name) for name in ("python", "platform", "gpus")}
    return {**found, "packages": packages if isinstance(packages, dict) else {}}


def source_files(folder: Path) -> dict[str, str]:
    """The files of a run's ``src/``: path with slashes to SHA-256. Links are passed over.

    Raises:
        OSError: a file cannot be read.
    """
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(read_regular(path)).hexdigest() for path in _files(folder)
    }


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent) / name
            if not path.is_symlink():
                yield path


def code_differences(a: Path, b: Path) -> dict[str, str]:
    """The files in which two folders of code differ: path to ``added`` (only in ``b``), ``removed`` or ``changed``."""
    return tree_differences(source_files(a), source_files(b))


def tree_differences(a: Mapping[str, str], b: Mapping[str, str]) -> dict[str, str]:
    """As `code_differences`, of two lists of files: path to SHA-256."""
    return {
        path: "added" if path not in a else "removed" if path not in b else "changed"
        for path in sorted({*a, *b})
        if a.get(path) != b.get(path)
    }


def unified_diff(a: Path, b: Path, context: int = 3) -> Iterator[str]:
    """The lines of a diff between two folders of code, as ``diff -ru`` would print them."""
    for path, kind in code_differences(a, b).items():
        old, new = (read_regular(folder / path) if (folder / path).is_file() else b"" for folder in (a, b))
        yield from file_diff(path, kind, old, new, context)


def file_diff(path: str, kind: str, old: bytes, new: bytes, context: int = 3) -> Iterator[str]:
    """The lines of a diff of one file; of one that is binary or large, that it differs.

    Args:
        kind: as in `code_differences`.
        old, new: what it holds; empty on the side that does not have it.
    """
    before, after = _lines(old), _lines(new)
    if before is None or after is None:
        yield f"Binary or large files a/{path} and b/{path} differ"
        return
    names = "/dev/null" if kind == "added" else f"a/{path}", "/dev/null" if kind == "removed" else f"b/{path}"
    yield from difflib.unified_diff(before, after, *names, lineterm="", n=context)


def _lines(data: bytes) -> list[str] | None:
    if b"\0" in data[:8192] or len(data) > _LARGEST_SHOWN:
        return None
    return data.decode("utf-8", "replace").splitlines()


class Described(Protocol):
    """What was recorded of a run."""

    @property
    def config(self) -> Any: ...
    @property
    def info(self) -> Mapping[str, Any]: ...


def compare_runs(a: Run, b: Run) -> dict[str, list[Change]]:
    """Configuration, data (versions of datasets), git and environment: the changes of each kind."""
    return {kind: [Change(one.path, *one.values) for one in found] for kind, found in compare_several([a, b]).items()}


def compare_several(runs: Sequence[Described]) -> dict[str, list[Differing]]:
    """As `compare_runs`, for any number of runs."""
    return {
        "config": differing([run.config for run in runs]),
        "data": differing([{"datasets": run.info.get("datasets")} for run in runs]),
        "git": differing([{"git": run.info.get("git")} for run in runs]),
        "environment": differing([environment_of(run.info) for run in runs]),
    }
