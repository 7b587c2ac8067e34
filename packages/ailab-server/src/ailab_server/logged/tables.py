"""The tables of a run."""

import csv
import io
from itertools import islice
from pathlib import Path

from ailab_server.logged.events import Logged, find, latest, steps_to
from ailab_server.models.logged import Table, TablePage
from ailab_server.strict import text
from ailab_server.workspace.entry import Entry
from ailab_server.workspace.files import read_inside

__all__ = ["as_csv", "page", "tables"]

_LARGEST = 64 << 20
_MOST_COLUMNS = 1_000
_LONGEST_CELL = 10_000

csv.field_size_limit(_LARGEST)  # a cell of any length: the whole file has a limit already


def tables(root: Path, entry: Entry, name: str | None = None) -> list[Table]:
    """All of them, or those of a name.

    Raises:
        OSError: the run's streams cannot be read.
    """
    return [
        Table(**logged.head(), columns=_columns(logged), rows=_rows(logged))
        for logged in latest(root, entry, "table", with_file=True)
        if name is None or logged.name == name
    ]


def page(root: Path, entry: Entry, id: str, offset: int, limit: int) -> TablePage:
    """Some rows.

    Raises:
        KeyError: there is no table of this id.
        OSError: it cannot be read.
        FileTooLarge: it has more than 64 MiB.
        csv.Error: it is damaged.
    """
    logged, data = as_csv(root, entry, id)
    reader = csv.reader(io.StringIO(data.decode("utf-8", "replace"), newline=""))
    columns = [text(cell, _LONGEST_CELL) for cell in next(reader, [])[:_MOST_COLUMNS]]
    rows = [
        [text(cell, _LONGEST_CELL) for cell in row[:_MOST_COLUMNS]] for row in islice(reader, offset, offset + limit)
    ]
    return TablePage(
        id=logged.id, columns=columns, rows=rows, offset=offset, total=max(_rows(logged), offset + len(rows))
    )


def as_csv(root: Path, entry: Entry, id: str) -> tuple[Logged, bytes]:
    """The whole table as it was logged; raises as `page`."""
    logged = find(root, entry, "table", id)
    if logged.file is None:
        raise KeyError(id)
    return logged, read_inside(root, steps_to(entry, "tables", logged.file), largest=_LARGEST)[0]


def _columns(logged: Logged) -> list[str]:
    found = logged.fields.get("columns")
    names = found if isinstance(found, list) else []
    return [text(name, 500) for name in names[:_MOST_COLUMNS]]


def _rows(logged: Logged) -> int:
    said = logged.fields.get("rows")
    return said if isinstance(said, int) and not isinstance(said, bool) and 0 <= said < 2**53 else 0
