"""The code of runs, and in what runs differ."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from ailab.experiment.code.archive import zip_pieces
from ailab.experiment.difference import ABSENT, Differing, compare_several
from ailab_server.code.difference import difference
from ailab_server.code.kept import KeptCode
from ailab_server.errors import ProblemError
from ailab_server.models.code import CodeDiff, CodeFile, CodeText, CodeTree, Difference, RunDiff
from ailab_server.routes.context import Parts
from ailab_server.routes.declared import RunId, away, binary, download_headers, no_run, problems
from ailab_server.services import Services
from ailab_server.stream.download import Download
from ailab_server.strict import text

router = APIRouter(tags=["code"])

_MOST_PATHS = 10_000
_Run = Annotated[str, Query(max_length=300, description="a run's id, from an earlier answer")]
_Segment = Annotated[
    int, Query(ge=1, le=10_000, description="1: as the run began; more: as it was resumed for the second time, ...")
]


class _Zip(Response):
    media_type = "application/zip"


@router.get("/runs/{run}/code", responses=problems(404, 503))
def get_code(run: RunId, parts: Parts, segment: _Segment = 1) -> CodeTree:
    """The files of a run's code; none when no code was kept."""
    kept = _kept(parts, run, segment)
    files = [
        CodeFile(id=kept.id_of(file), path=text(file.path, 1_000), size=file.size, executable=file.executable)
        for file in kept.files.values()
    ]
    return CodeTree(files=files, left_out=kept.left_out)


@router.get("/runs/{run}/code/{file}", responses=problems(404, 503))
def get_code_file(
    run: RunId,
    file: Annotated[str, Path(max_length=300, description="a file's id, from the list of files")],
    parts: Parts,
    segment: _Segment = 1,
) -> CodeText:
    """One file's text."""
    kept = _kept(parts, run, segment)
    try:
        found = kept.find(file)
    except KeyError:
        raise ProblemError(404, "this run's code has no such file") from None
    try:
        data = kept.read(found)
    except OSError:
        raise ProblemError(404, "this file is missing in the workspace") from None
    except ValueError as error:
        raise ProblemError(404, f"this file cannot be shown: {error}") from None
    binary_ = b"\0" in data[:8192]
    shown = None if binary_ else text(data.decode("utf-8", "replace"), len(data) + 1)
    return CodeText(id=file, path=text(found.path, 1_000), size=len(data), binary=binary_, text=shown)


@router.get(
    "/runs/{run}/code.zip",
    response_class=_Zip,
    responses=binary("A zip archive, to be saved", "application/zip") | problems(404, 503),
)
def get_code_zip(run: RunId, parts: Parts, segment: _Segment = 1) -> Response:
    """A run's code as an archive. Files that are missing in the workspace are named in its ``MISSING.txt``."""
    kept = _kept(parts, run, segment)
    if not kept.files:
        raise ProblemError(404, "no code was kept of this run")
    name = parts.workspace.store.known(run).relative.rpartition("/")[2]
    pieces = zip_pieces(kept.files.values(), kept.read, folder=name)
    return Download(pieces, _Zip.media_type, download_headers(f"{text(name, 200)}.zip"))


@router.get("/diff", responses=problems(404, 422, 503))
def diff_runs(
    parts: Parts,
    run: Annotated[
        list[Annotated[str, Field(max_length=300)]],
        Query(min_length=2, max_length=100, description="a run's id; given for each of two to a hundred runs"),
    ],
) -> RunDiff:
    """In what runs differ from the first: configuration, data, git, environment."""
    found = []
    for one in run:
        with _reading():
            found.append(parts.workspace.detail(one))
    kinds = compare_several(found)
    return RunDiff(
        runs=run, **{kind: [_difference(one) for one in several[:_MOST_PATHS]] for kind, several in kinds.items()}
    )


@router.get("/diff/code", responses=problems(404, 422, 503))
def diff_code(parts: Parts, a: _Run, b: _Run, a_segment: _Segment = 1, b_segment: _Segment = 1) -> CodeDiff:
    """How the code of run ``b`` differs from that of run ``a``."""
    return difference(_kept(parts, a, a_segment), _kept(parts, b, b_segment))


def _difference(one: Differing) -> Difference:
    present = [value is not ABSENT for value in one.values]
    return Difference(
        path=text(one.path, 1_000), present=present, values=[None if value is ABSENT else value for value in one.values]
    )


def _kept(parts: Services, run: str, segment: int) -> KeptCode:
    with _reading():
        return KeptCode(parts.workspace.root, parts.workspace.store.known(run), segment)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except KeyError:
        raise no_run() from None
    except OSError:
        raise away() from None
