"""Runs: the list, one run's detail, its series and images."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from ailab.experiment.filters import FilterError
from ailab_server import answers
from ailab_server.errors import ProblemError
from ailab_server.models import RunDetail, RunList, SeriesQuestion
from ailab_server.routes.context import Parts
from ailab_server.routes.declared import Binary, RunId, away, binary, no_run, problems
from ailab_server.security.headers import API_POLICY
from ailab_server.strict import text
from ailab_server.workspace import series
from ailab_server.workspace.files import FileTooLarge

router = APIRouter(tags=["runs"])

_PNG = b"\x89PNG\r\n\x1a\n"
_Expression = Annotated[str, Field(max_length=2_000)]


class _Png(Response):
    media_type = "image/png"


@router.get("/runs", response_model=RunList, responses=problems(422))
def list_runs(
    parts: Parts,
    filter: Annotated[
        str, Query(max_length=2_000, description="only the runs that pass, in the language of `ailab list`")
    ] = "",
    sort: Annotated[
        list[_Expression] | None,
        Query(
            max_length=10,
            description="a fact, metric, configuration path or expression; `-` before it: largest "
            "first; may be repeated, the first counts most",
        ),
    ] = None,
    column: Annotated[
        list[_Expression] | None,
        Query(max_length=100, description="what to add of each run: as in sort, without `-`; may be repeated"),
    ] = None,
    offset: Annotated[int, Query(ge=0, lt=2**31, description="leave out so many at the beginning")] = 0,
    limit: Annotated[int | None, Query(ge=0, lt=2**31, description="at most so many; all without one")] = None,
) -> Response:
    """The runs of the workspace that fit, newest first unless sorted.

    What a run does not have is neither smaller nor larger than anything, and comes last; a name that no run has is 422.
    """
    if not (filter.strip() or sort or column or offset or limit is not None):
        return answers.list_runs(parts)
    try:
        page = parts.index.page(filter, sort or (), column or (), offset, limit)
    except FilterError as error:
        raise ProblemError(422, text(error)) from None
    return answers.run_list([entry.row for entry in page.entries], page.total, offset, column or (), page.values)


@router.get("/runs/{run}", responses=problems(404, 503))
def get_run(run: RunId, parts: Parts) -> RunDetail:
    """One run's metrics, images, configuration and, if it failed, traceback."""
    try:
        return parts.workspace.detail(run)
    except KeyError:
        raise no_run() from None
    except OSError:
        raise away() from None


@router.get(
    "/runs/{run}/series",
    response_class=Binary,
    responses=binary("Header and float64 arrays, see docs/api.md") | problems(404, 422, 503),
)
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
        raise no_run() from None
    except OSError:
        raise away() from None
    return Binary(series.encode(values, points))


@router.post(
    "/series",
    response_class=Binary,
    responses=binary("Header and float64 arrays, see docs/api.md") | problems(422),
)
def compare_series(question: SeriesQuestion, parts: Parts) -> Response:
    """x and values of some metrics of many runs, from ``low`` to ``high``, reduced so that every peak survives."""
    return answers.compare_series(parts, question)


@router.get(
    "/runs/{run}/images/{image}",
    response_class=_Png,
    responses=binary("The PNG's bytes", "image/png") | problems(404, 413),
)
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
    return Binary(data, headers=headers | {"Content-Disposition": "attachment"})
