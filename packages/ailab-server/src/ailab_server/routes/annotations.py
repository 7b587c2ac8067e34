"""What people write about runs: tags and notes. Needs an operator."""

from typing import Annotated

from fastapi import APIRouter, Path

from ailab_server import models
from ailab_server.errors import ProblemError
from ailab_server.models import Annotations, NewNotes, TagsChange
from ailab_server.routes.context import Noted, Parts
from ailab_server.strict import text

router = APIRouter(tags=["annotations"])

RunId = Annotated[str, Path(max_length=300, description="a run's id, from an earlier answer")]


@router.post("/runs/{run}/tags")
def change_tags(run: RunId, change: TagsChange, parts: Parts, noted: Noted) -> Annotations:
    """Change a run's tags, also while it runs. A tag is 1 to 100 printable characters without a comma."""
    noted.detail = ", ".join([*(f"+{tag}" for tag in change.add), *(f"-{tag}" for tag in change.remove)])
    if change.tags is not None:
        noted.detail = f"= {', '.join(change.tags)} {noted.detail}"
    try:
        found = parts.edits.change_tags(run, change.tags, change.add, change.remove)
    except KeyError:
        raise _no_run() from None
    except ValueError as error:
        raise ProblemError(422, text(error, 500)) from None
    except OSError as error:
        raise _not_written(error) from None
    return _answer(found.tags, found.notes)


@router.post("/runs/{run}/notes")
def change_notes(run: RunId, new: NewNotes, parts: Parts, noted: Noted) -> Annotations:
    """Replace a run's notes, also while it runs."""
    noted.detail = f"{len(new.text)} characters"
    try:
        found = parts.edits.change_notes(run, new.text)
    except KeyError:
        raise _no_run() from None
    except OSError as error:
        raise _not_written(error) from None
    return _answer(found.tags, found.notes)


def _answer(tags: list[str], notes: str) -> Annotations:
    return models.Annotations(tags=[text(tag, 100) for tag in tags], notes=text(notes, 100_000))


def _no_run() -> ProblemError:
    return ProblemError(404, "there is no such run; it may have been deleted")


def _not_written(error: OSError) -> ProblemError:
    why = error.strerror or "the file system refuses it"
    return ProblemError(503, f"this run's folder cannot be written to: {why}", {"Retry-After": "5"})
