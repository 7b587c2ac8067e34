"""The code of runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

from ailab.client.connection import Connection, quoted
from ailab.client.saving import save
from ailab.client.types import CodeDiff, CodeText, CodeTree

__all__ = ["CodeCalls"]


class CodeCalls(Connection):
    """What a `Client` can ask about code. ``segment``: 1 as the run began, more as it was resumed."""

    def code(self, run: str, segment: int = 1) -> CodeTree:
        """The files of a run's code, by path; none when no code was kept."""
        return cast(CodeTree, self._call("GET", f"/runs/{quoted(run)}/code", query={"segment": segment}))

    def code_file(self, run: str, file: str, segment: int = 1) -> CodeText:
        """One file's text, by its id."""
        path = f"/runs/{quoted(run)}/code/{quoted(file)}"
        return cast(CodeText, self._call("GET", path, query={"segment": segment}))

    def save_code(self, run: str, path: str | os.PathLike[str], segment: int = 1) -> Path:
        """Write a run's code as a zip archive to ``path``; returns the path."""
        with self._opened("GET", f"/runs/{quoted(run)}/code.zip", query={"segment": segment}) as answer:
            return save(answer, path)

    def diff_code(self, a: str, b: str) -> CodeDiff:
        """How the code of run ``b`` differs from that of run ``a``."""
        return cast(CodeDiff, self._call("GET", "/diff/code", query={"a": a, "b": b}))
