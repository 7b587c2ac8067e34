"""Values of many runs at once, for other programs."""

import logging
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ailab.experiment.exporting import MEDIA_TYPES, Format, MissingParquet
from ailab.experiment.exporting import export as exported
from ailab.experiment.filters import FilterError
from ailab.experiment.recorded import Run
from ailab_server.errors import ProblemError
from ailab_server.routes.context import Parts
from ailab_server.routes.declared import away, download_headers, no_run, problems
from ailab_server.services import Services
from ailab_server.stream.download import Download
from ailab_server.strict import text

router = APIRouter(tags=["export"])
_log = logging.getLogger(__name__)


class _Export(Response):
    media_type = MEDIA_TYPES["csv"]


@router.get(
    "/export",
    response_class=_Export,
    responses={200: {"description": "A file, to be saved", "content": {
        kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES.values()}},
        **problems(404, 422, 501, 503)},
)  # fmt: skip
def export(
    parts: Parts,
    run: Annotated[
        list[Annotated[str, Field(max_length=300)]] | None,
        Query(max_length=1_000, description="a run's id; may be repeated; all runs without any"),
    ] = None,
    filter: Annotated[str, Query(max_length=2_000, description="of all runs those that pass, as in GET /runs")] = "",
    metric: Annotated[
        list[Annotated[str, Field(max_length=10_000)]] | None,
        Query(max_length=100, description="only this metric; may be repeated"),
    ] = None,
    format: Annotated[Format, Query(description="of the file")] = "csv",
    table: Annotated[bool, Query(description="a row for each run instead of one for each value")] = False,
) -> Response:
    """The values of runs: experiment, run, metric, step, time, value; or a row for each run.

    It is sent while it is made. A run whose numbers cannot be read is left out, and named in the server's log.
    """
    if not parts.workspace.available:  # a file without any numbers would look like an answer
        raise away()
    runs = _chosen(parts, run, filter)
    try:
        pieces = exported(runs, metric or (), format, table, unreadable=_warn)
    except MissingParquet:
        raise ProblemError(
            501, "Parquet needs pyarrow on the server: pip install pyarrow there, or ask for format=csv"
        ) from None
    return Download(pieces, MEDIA_TYPES[format], download_headers(f"runs.{format}"))


def _warn(run: Run, error: OSError) -> None:
    _log.warning("an export leaves out numbers of %s: %s", run.path, error.strerror or error)


def _chosen(parts: Services, ids: list[str] | None, filter: str) -> list[Run]:
    if ids and filter.strip():
        raise ProblemError(422, "run, filter: name the runs, or give a filter")
    if ids:
        try:
            entries = [parts.workspace.store.known(id) for id in dict.fromkeys(ids)]
        except KeyError:
            raise no_run() from None
    else:
        try:
            entries = parts.index.page(filter).entries
        except FilterError as error:
            raise ProblemError(422, text(error)) from None
    return [Run.at(Path(entry.path)) for entry in entries]
