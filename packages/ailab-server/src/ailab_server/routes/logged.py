"""What a run logged besides numbers and images: texts, tables, histograms, files."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as Folder
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from ailab_server.errors import ProblemError
from ailab_server.logged import files, histograms, tables, texts
from ailab_server.models.logged import HistogramList, LoggedFileList, TableList, TablePage, TextContent, TextList
from ailab_server.routes.context import Parts
from ailab_server.routes.declared import Binary, RunId, away, binary, download_headers, no_run, problems
from ailab_server.services import Services
from ailab_server.stream.download import Download
from ailab_server.workspace.entry import Entry
from ailab_server.workspace.files import FileTooLarge

router = APIRouter(tags=["logged"])

_Id = Annotated[str, Path(max_length=300, description="its id, from an earlier answer")]
_Name = Annotated[str | None, Query(max_length=1_000, description="only those that were logged under this name")]


class _Csv(Response):
    media_type = "text/csv; charset=utf-8"


@router.get("/runs/{run}/texts", responses=problems(404, 503))
def list_texts(run: RunId, parts: Parts, name: _Name = None) -> TextList:
    """The texts that a run logged, oldest first, each with its beginning."""
    with _of(parts, run) as (root, entry):
        return TextList(texts=texts.texts(root, entry, name))


@router.get("/runs/{run}/texts/{text}", responses=problems(404, 413, 503))
def get_text(run: RunId, text: _Id, parts: Parts) -> TextContent:
    """A whole text."""
    with _of(parts, run, "text") as (root, entry):
        return texts.one(root, entry, text)


@router.get("/runs/{run}/tables", responses=problems(404, 503))
def list_tables(run: RunId, parts: Parts, name: _Name = None) -> TableList:
    """The tables that a run logged, oldest first."""
    with _of(parts, run) as (root, entry):
        return TableList(tables=tables.tables(root, entry, name))


@router.get("/runs/{run}/tables/{table}", responses=problems(404, 413, 422, 503))
def get_table(
    run: RunId,
    table: _Id,
    parts: Parts,
    offset: Annotated[int, Query(ge=0, lt=2**31, description="leave out so many rows at the beginning")] = 0,
    limit: Annotated[int, Query(ge=0, le=10_000, description="at most so many rows")] = 1_000,
) -> TablePage:
    """Some rows of a table."""
    with _of(parts, run, "table") as (root, entry):
        return tables.page(root, entry, table, offset, limit)


@router.get(
    "/runs/{run}/tables/{table}/csv",
    response_class=_Csv,
    responses=binary("The table as it was logged", "text/csv; charset=utf-8") | problems(404, 413, 503),
)
def get_table_csv(run: RunId, table: _Id, parts: Parts) -> Response:
    """A whole table, as CSV to be saved."""
    with _of(parts, run, "table") as (root, entry):
        logged, data = tables.as_csv(root, entry, table)
    return _Csv(data, headers=download_headers(f"{logged.name}.csv"))


@router.get("/runs/{run}/histograms", responses=problems(404, 503))
def list_histograms(
    run: RunId,
    parts: Parts,
    name: _Name = None,
    most: Annotated[int, Query(ge=1, le=1_000, description="at most so many, evenly spaced")] = 100,
) -> HistogramList:
    """The names of a run's histograms; with a name, its histograms too, oldest first."""
    with _of(parts, run) as (root, entry):
        return histograms.histograms(root, entry, name, most)


@router.get("/runs/{run}/files", responses=problems(404, 503))
def list_files(run: RunId, parts: Parts, name: _Name = None) -> LoggedFileList:
    """The files that a run logged, oldest first."""
    with _of(parts, run) as (root, entry):
        return LoggedFileList(files=files.files(root, entry, name))


@router.get(
    "/runs/{run}/files/{file}",
    response_class=Binary,
    responses=binary("The file's bytes, to be saved") | problems(404, 413, 503),
)
def get_file(run: RunId, file: _Id, parts: Parts) -> Response:
    """The bytes of a logged file. It is a download, whatever it claims to be."""
    with _of(parts, run, "file") as (root, entry):
        found = files.opened(root, entry, file)
    return Download(
        found.pieces(), Binary.media_type, download_headers(found.name), length=found.size, close=found.close
    )


@contextmanager
def _of(parts: Services, run: str, kind: str = "") -> Iterator[tuple[Folder, Entry]]:
    """Within the block, the workspace and a run; what goes wrong there becomes a problem that says so."""
    workspace = parts.workspace
    try:
        entry = workspace.store.known(run)
    except KeyError:
        raise no_run() from None
    try:
        yield workspace.root, entry
    except FileTooLarge:
        raise ProblemError(413, f"this {kind} is too large to be sent") from None
    except csv.Error:
        raise ProblemError(422, f"the file of this {kind} is damaged; its bytes can be had as they are") from None
    except KeyError:
        raise ProblemError(404, f"this run has no such {kind}") from None
    except OSError:
        if kind and workspace.available:
            raise ProblemError(404, f"the file of this {kind} is gone, or is none") from None
        raise away() from None
