"""The code of runs, and in what runs differ."""

from typing import Any, Literal

from ailab_server.models.base import Answer

__all__ = ["CodeChange", "CodeDiff", "CodeFile", "CodeText", "CodeTree", "Difference", "RunDiff"]


class CodeFile(Answer):
    """A file of a run's code; its text is at ``/runs/{run}/code/{id}``."""

    id: str
    path: str
    size: int
    executable: bool


class CodeTree(Answer):
    """The files that a run's code was kept of, in the order of their paths, and what was left out and why."""

    files: list[CodeFile]
    left_out: list[str]


class CodeText(Answer):
    """A file's text; null when it is ``binary``."""

    id: str
    path: str
    size: int
    binary: bool
    text: str | None


class Difference(Answer):
    """A path whose ``values`` differ, one for each run; ``present`` tells what is absent from what is null."""

    path: str
    values: list[Any]
    present: list[bool]


class RunDiff(Answer):
    """In what ``runs`` (ids, as they were asked for) differ, by kind."""

    runs: list[str]
    config: list[Difference]
    data: list[Difference]
    git: list[Difference]
    environment: list[Difference]


class CodeChange(Answer):
    """A file that differs: ``added`` is only in the second run, ``removed`` only in the first."""

    path: str
    change: Literal["added", "removed", "changed"]


class CodeDiff(Answer):
    """The files in which two runs differ, and a unified diff of them; ``cut`` when it is longer than what is sent."""

    files: list[CodeChange]
    diff: str
    cut: bool
