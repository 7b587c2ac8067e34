"""What users change of runs, and what became of it: tags, notes, the trash; who did what."""

from typing import Annotated

from pydantic import Field

from ailab_server.models.base import Answer, Question

__all__ = [
    "Annotations",
    "AuditEntry",
    "AuditPage",
    "ChosenRuns",
    "NewNotes",
    "TagsChange",
    "TrashList",
    "TrashedRun",
]

Tag = Annotated[str, Field(min_length=1, max_length=100)]
RunId = Annotated[str, Field(max_length=300)]


class TagsChange(Question):
    """``tags`` replaces the run's tags, if given; then those of ``remove`` are taken off and those of ``add`` added."""

    tags: list[Tag] | None = Field(default=None, max_length=100)
    add: list[Tag] = Field(default=[], max_length=100)
    remove: list[Tag] = Field(default=[], max_length=100)


class NewNotes(Question):
    """What replaces a run's notes; empty for none."""

    text: str = Field(max_length=100_000)


class Annotations(Answer):
    """What people wrote about a run."""

    tags: list[str]
    notes: str


class ChosenRuns(Question):
    """Ids of runs."""

    runs: list[RunId] = Field(min_length=1, max_length=1_000)


class TrashedRun(Answer):
    """A run in the trash: since when, and who put it there. Restored, it has the same id again."""

    id: str
    experiment: str
    name: str
    time: float
    user: str


class TrashList(Answer):
    """Runs in the trash, the latest first."""

    runs: list[TrashedRun]


class AuditEntry(Answer):
    """Something that was done, or refused: ``status`` is the answer's, null where there was none."""

    time: float
    user: str
    address: str
    action: str
    target: str
    status: int | None
    detail: str


class AuditPage(Answer):
    """Entries, the newest first; ``next`` is the ``before`` of the next page, null on the last."""

    entries: list[AuditEntry]
    next: float | None
