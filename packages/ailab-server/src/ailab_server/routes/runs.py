"""Runs: the list, one run's detail, its series, images and log."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from ailab_server import answers
from ailab_server.errors import ProblemError
from ailab_server.models import LogTail, RunDetail, RunList, SeriesQuestion
from ailab_server.routes.context import Parts
from ailab_server.security.headers import API_POLICY
from ailab_server.workspace import series
from ailab_server.workspace.files import FileTooLarge

router = APIRouter(tags=["runs"])

RunId = Annotated[str, Path(max_length=300, description="a run's id, from an earlier answer")]
_PNG = b"\x89PNG\r\n\x1a\n"


class _Binary(Response):
    media_type = "application/octet-stream"


class _Png(Response):
    media_type = "image/png"


@router.get("/runs", response_model=RunList)
def list_runs(parts: Parts) -> Response:
    """All runs of the workspace, newest first."""
    return answers.list_runs(parts)


@router.get("/runs/{run}")
def get_run(run: RunId, parts: Parts) -> RunDetail:
    """One run's metrics, images, configuration and, if it failed, traceback."""
    try:
        return parts.workspace.detail(run)
    except KeyError:
        raise _no_run() from None
    except OSError:
        raise _away() from None


@router.get(
    "/runs/{run}/series",
    response_class=_Binary,
    responses={200: {"description": "Header and float64 arrays, see docs/api.md", "content": {
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
)  # fmt: skip
def get_series(
    run: RunId,
    parts: Parts,
    metric: Annotated[list[str], Query(min_length=1, max_length=100, description="a metric's name; may be repeated")],
    points: Annotated[
        int, Query(ge=series.FEWEST, le=series.MOST, description="at most so many points a metric")
    ] = 1000,
) -> Response:
    """Steps, times and values of some metrics, reduced so that every peak survives."""
    try:
        values = parts.workspace.values(run, metric)
    except series.NoSuchMetric as error:
        raise ProblemError(404, f"this run has no metric {error}") from None
    except KeyError:
        raise _no_run() from None
    except OSError:
        raise _away() from None
    return _Binary(series.encode(values, points))


@router.post(
    "/series",
    response_class=_Binary,
    responses={200: {"description": "Header and float64 arrays, see docs/api.md", "content": {
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
)  # fmt: skip
def compare_series(question: SeriesQuestion, parts: Parts) -> Response:
    """x and values of some metrics of many runs, from ``low`` to ``high``, reduced so that every peak survives."""
    return answers.compare_series(parts, question)


@router.get(
    "/runs/{run}/images/{image}",
    response_class=_Png,
    responses={200: {"description": "The PNG's bytes", "content": {
        "image/png": {"schema": {"type": "string", "format": "binary"}}}}},
)  # fmt: skip
def get_image(run: RunId, image: Annotated[str, Path(max_length=300)], parts: Parts) -> Response:
    """The bytes of one picture. What only claims to be a PNG is sent as a download."""
    try:
        data = parts.workspace.image(run, image)
    except FileTooLarge:
        raise ProblemError(413, "this image is too large to be sent") from None
    except (KeyError, OSError):
        raise ProblemError(404, "there is no such image") from None
    headers = {"Content-Security-Policy": API_POLICY}
    if data.startswith(_PNG):
        return _Png(data, headers=headers)
    return _Binary(data, headers=headers | {"Content-Disposition": "attachment"})


@router.get("/runs/{run}/log")
def get_log(run: RunId, parts: Parts, tail: Annotated[int, Query(ge=1, le=2**20)] = 65536) -> LogTail:
    """The last ``tail`` bytes of the run's output; empty when there is none."""
    try:
        text, size = parts.workspace.log_tail(run, tail)
    except KeyError:
        raise _no_run() from None
    except OSError:
        raise _away() from None
    return LogTail(text=text, size=size)


def _away() -> ProblemError:
    return ProblemError(503, "the run's files cannot be read at the moment", {"Retry-After": "1"})


def _no_run() -> ProblemError:
    return ProblemError(404, "there is no such run; it may have been deleted")
