"""The trash: moving runs there, seeing what is in it, bringing them back. Nothing is ever deleted here."""

from fastapi import APIRouter

from ailab.experiment.trash import Trashed
from ailab_server.errors import ProblemError
from ailab_server.manage.trash import HalfDone, Running
from ailab_server.models import ChosenRuns, Problem, TrashedRun, TrashList
from ailab_server.routes.context import Caller, Noted, Parts
from ailab_server.strict import text

router = APIRouter(tags=["trash"])


@router.get("/trash")
def list_trash(parts: Parts) -> TrashList:
    """The runs in the workspace's trash, the latest first."""
    try:
        return _answer(parts.trash.runs())
    except OSError as error:
        raise _away(error) from None


@router.post("/trash", responses={409: {"model": Problem}})
def trash_runs(chosen: ChosenRuns, caller: Caller, parts: Parts, noted: Noted) -> TrashList:
    """Move runs to the trash: all or, if one is running (409) or unknown (404), none."""
    noted.detail = " ".join(chosen.runs)
    try:
        moved = parts.trash.move(list(dict.fromkeys(chosen.runs)), caller.user)
    except KeyError as error:
        raise ProblemError(404, f"there is no run {text(error.args[0], 100)}; nothing was moved") from None
    except (Running, HalfDone) as error:
        raise ProblemError(409, text(error, 500)) from None
    except FileExistsError:
        detail = "the trash holds a run of this name already: restore that or 'ailab gc' it first"
        raise ProblemError(409, detail) from None
    except OSError as error:
        raise _away(error) from None
    return _answer(moved)


@router.post("/trash/restore", responses={409: {"model": Problem}})
def restore_runs(chosen: ChosenRuns, parts: Parts, noted: Noted) -> TrashList:
    """Move runs back from the trash to where they were: all or, if one is unknown (404), none."""
    noted.detail = " ".join(chosen.runs)
    try:
        moved = parts.trash.restore(list(dict.fromkeys(chosen.runs)))
    except KeyError as error:
        raise ProblemError(404, f"the trash holds no run {text(error.args[0], 100)}; nothing was moved") from None
    except HalfDone as error:
        raise ProblemError(409, text(error, 500)) from None
    except FileExistsError:
        raise ProblemError(409, "there is a run of this name again: move that to the trash first") from None
    except OSError as error:
        raise _away(error) from None
    return _answer(moved)


def _answer(runs: dict[str, Trashed]) -> TrashList:
    return TrashList(
        runs=[
            TrashedRun(
                id=id,
                experiment=text(run.experiment, 500),
                name=text(run.id, 500),
                time=run.when,
                user=text(run.by, 256),
            )
            for id, run in runs.items()
        ]
    )


def _away(error: OSError) -> ProblemError:
    why = error.strerror or "the file system refuses it"
    return ProblemError(503, f"the workspace cannot be changed at the moment: {why}", {"Retry-After": "5"})
