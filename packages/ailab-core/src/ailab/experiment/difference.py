"""In what two runs differ: configuration, code, data, environment."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ailab.experiment.record.files import read_regular
from ailab.experiment.settings import flatten

if TYPE_CHECKING:
    from ailab.experiment.recorded import Run

__all__ = [
    "ABSENT",
    "Change",
    "changes",
    "code_differences",
    "compare_runs",
    "environment_of",
    "source_files",
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


def changes(a: Any, b: Any) -> list[Change]:
    """The leaves in which two nested dicts differ, in order. 1 and 1.0 are the same, 1 and True are not."""
    left, right = flatten(a), flatten(b)
    return [
        Change(path, left.get(path, ABSENT), right.get(path, ABSENT))
        for path in dict.fromkeys([*left, *right])
        if path not in left or path not in right or not _same(left[path], right[path])
    ]


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
    left, right = source_files(a), source_files(b)
    return {
        path: "added" if path not in left else "removed" if path not in right else "changed"
        for path in sorted({*left, *right})
        if left.get(path) != right.get(path)
    }


def unified_diff(a: Path, b: Path, context: int = 3) -> Iterator[str]:
    """The lines of a diff between two folders of code, as ``diff -ru`` would print them."""
    for path, kind in code_differences(a, b).items():
        old, new = (_lines(folder / path) if (folder / path).is_file() else [] for folder in (a, b))
        if old is None or new is None:
            yield f"Binary or large files a/{path} and b/{path} differ"
            continue
        before = "/dev/null" if kind == "added" else f"a/{path}"
        after = "/dev/null" if kind == "removed" else f"b/{path}"
        yield from difflib.unified_diff(old, new, before, after, lineterm="", n=context)


def _lines(path: Path) -> list[str] | None:
    data = read_regular(path)
    if b"\0" in data[:8192] or len(data) > _LARGEST_SHOWN:
        return None
    return data.decode("utf-8", "replace").splitlines()


def compare_runs(a: Run, b: Run) -> dict[str, list[Change]]:
    """Configuration, data (versions of datasets), git and environment: the changes of each kind."""
    return {
        "config": changes(a.config, b.config),
        "data": changes({"datasets": a.info.get("datasets")}, {"datasets": b.info.get("datasets")}),
        "git": changes({"git": a.info.get("git")}, {"git": b.info.get("git")}),
        "environment": changes(environment_of(a.info), environment_of(b.info)),
    }
