"""In what the code of two runs differs, within limits."""

import time

from ailab.experiment.difference import file_diff, tree_differences
from ailab_server.code.kept import KeptCode
from ailab_server.models.code import CodeChange, CodeDiff
from ailab_server.strict import text

__all__ = ["difference"]

_MOST_CHARACTERS = 2 << 20
_MOST_FILES = 2_000
_MOST_LINES = 20_000
_SECONDS = 5.0


def difference(a: KeptCode, b: KeptCode) -> CodeDiff:
    """The files that differ, and a unified diff, cut after 2 million characters or five seconds.

    Files of more than 20,000 lines are not compared line by line: comparing takes more than their length.
    """
    found = tree_differences(a.digests(), b.digests())
    changes = [CodeChange.model_validate({"path": text(path, 1_000), "change": kind}) for path, kind in found.items()]
    lines: list[str] = []
    length, end = 0, time.monotonic() + _SECONDS
    for path, kind in found.items():
        if length > _MOST_CHARACTERS or time.monotonic() > end:
            return CodeDiff(files=changes[:_MOST_FILES], diff="\n".join(lines), cut=True)
        for line in _diff_of(a, b, path, kind):
            lines.append(text(line, 10_000))
            length += len(lines[-1]) + 1
            if length > _MOST_CHARACTERS:
                break
    return CodeDiff(files=changes[:_MOST_FILES], diff="\n".join(lines), cut=len(changes) > _MOST_FILES)


def _diff_of(a: KeptCode, b: KeptCode, path: str, kind: str) -> list[str]:
    try:
        old, new = (code.read(code.files[path]) if path in code.files else b"" for code in (a, b))
    except (OSError, ValueError) as error:
        return [f"a/{path} and b/{path} cannot be compared: {getattr(error, 'strerror', None) or error}"]
    if old.count(b"\n") + new.count(b"\n") > _MOST_LINES:
        return [f"Binary or large files a/{path} and b/{path} differ"]
    return list(file_diff(path, kind, old, new))
