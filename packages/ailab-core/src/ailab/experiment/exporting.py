"""Values of runs for other programs, piece by piece: as CSV, JSON lines or Parquet.

The columns are experiment, run, metric, step, time (seconds since the epoch) and value; or, with a row for each run,
its facts, ``metric.NAME`` (last values) and ``config.PATH``. In memory is never more than the values of one metric of
one run; of a small run those of all its metrics.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ailab.experiment.workspace import row
from ailab.strict import strict

if TYPE_CHECKING:
    from ailab.experiment.recorded import Run

__all__ = ["COLUMNS", "FORMATS", "MEDIA_TYPES", "Format", "MissingParquet", "export"]

Format = Literal["csv", "jsonl", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "jsonl", "parquet")
COLUMNS = ("experiment", "run", "metric", "step", "time", "value")
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson", "parquet": "application/x-parquet"}

_CHUNK = 4_096
_AT_ONCE = 32 << 20
"""Streams of a run up to this size are read once, larger ones once for each metric."""


class MissingParquet(ModuleNotFoundError):
    """pyarrow is not installed."""


def export(
    runs: Sequence[Run],
    metrics: Collection[str],
    form: Format,
    table: bool = False,
    unreadable: Callable[[Run, OSError], None] | None = None,
) -> Iterator[bytes]:
    """The bytes of a file, piece by piece.

    Args:
        runs: in the order in which they stand in it.
        metrics: only these; empty: all. A run without any of them adds nothing.
        table: a row for each run instead of one for each value; ``metrics`` is not used then.
        unreadable: told of a run that cannot be read, and why; the values that are missing are left out then. Without
            it the error is raised.

    Raises:
        MissingParquet: Parquet is wanted and pyarrow is not there. At once, not with the first piece.
        OSError: while it is made: a run cannot be read.
    """
    if form == "parquet":
        pyarrow = _pyarrow()
        return _parquet_table(pyarrow, runs) if table else _parquet(pyarrow, _parts(runs, metrics, unreadable))
    if table:
        return _encoded(_table_csv(runs) if form == "csv" else (_line(row(run)) for run in runs))
    chunks = _chunks(_parts(runs, metrics, unreadable))
    return _encoded(_csv(chunks) if form == "csv" else _jsonl(chunks))


def _encoded(pieces: Iterator[str]) -> Iterator[bytes]:
    for piece in pieces:
        yield piece.encode("utf-8", "replace")


_Part = tuple["Run", str, Any]


def _parts(
    runs: Sequence[Run], metrics: Collection[str], unreadable: Callable[[Run, OSError], None] | None
) -> Iterator[_Part]:
    for run in runs:
        try:
            yield from _parts_of(run, metrics)
        except OSError as error:
            if unreadable is None:
                raise
            unreadable(run, error)
        run.reload()  # what it keeps of its files would add up


def _parts_of(run: Run, metrics: Collection[str]) -> Iterator[_Part]:
    wanted = [name for name in run.metrics if not metrics or name in metrics]
    if _size(run) <= _AT_ONCE:
        values = run.all_values() if wanted else {}
        for name in wanted:
            yield run, name, values[name]
    else:
        for name in wanted:
            yield run, name, run.values(name)


def _size(run: Run) -> int:
    total = 0
    for writer in run.writers():
        try:
            total += os.stat(run.folder.streams / f"{writer}.scalars", follow_symlinks=False).st_size
        except OSError:
            continue  # it logged no number, or reading it says why not
    return total


def _chunks(parts: Iterator[_Part]) -> Iterator[list[tuple[Any, ...]]]:
    for run, name, values in parts:
        for begin in range(0, len(values), _CHUNK):
            some = values[begin : begin + _CHUNK].tolist()
            yield [(run.experiment, run.id, name, step, time, value) for step, time, value in some]


def _csv(chunks: Iterator[list[tuple[Any, ...]]]) -> Iterator[str]:
    yield _csv_rows([COLUMNS])
    for chunk in chunks:
        yield _csv_rows(chunk)


def _jsonl(chunks: Iterator[list[tuple[Any, ...]]]) -> Iterator[str]:
    for chunk in chunks:
        yield "".join(_line(dict(zip(COLUMNS, one, strict=True))) for one in chunk)


def _table_csv(runs: Sequence[Run]) -> Iterator[str]:
    columns: dict[str, None] = {}
    for run in runs:  # the columns first: that they may be many rows, and only their names are kept
        columns |= dict.fromkeys(row(run))
        run.reload()
    yield _csv_rows([list(columns)])
    for run in runs:
        found = row(run)
        yield _csv_rows([[_cell(found.get(column)) for column in columns]])
        run.reload()


def _csv_rows(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _line(content: dict[str, Any]) -> str:
    return json.dumps(strict(content), allow_nan=False) + "\n"


def _cell(value: Any) -> Any:
    return json.dumps(strict(value)) if isinstance(value, list | dict) else value


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "pyarrow":
            raise
        raise MissingParquet(
            "Parquet needs pyarrow: pip install pyarrow (--format csv needs nothing)", name="pyarrow"
        ) from None
    return pyarrow


def _parquet(pyarrow: Any, parts: Iterator[_Part]) -> Iterator[bytes]:
    text = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    kinds = [text, text, text, pyarrow.int64(), pyarrow.float64(), pyarrow.float64()]
    schema = pyarrow.schema(list(zip(COLUMNS, kinds, strict=True)))

    def tables() -> Iterator[Any]:
        for run, name, values in parts:
            facts = (_text(run.experiment), _text(run.id), _text(name))
            same = [pyarrow.array([fact] * len(values)).dictionary_encode() for fact in facts]
            numbers = [pyarrow.array(values[field].copy()) for field in ("step", "time", "value")]
            yield pyarrow.table([*same, *numbers], names=list(COLUMNS)).cast(schema)

    return _written(pyarrow, schema, tables)


def _parquet_table(pyarrow: Any, runs: Sequence[Run]) -> Iterator[bytes]:
    rows = []
    for run in runs:
        rows.append({_text(name): _cell(value) for name, value in row(run).items()})
        run.reload()
    columns = dict.fromkeys(column for one in rows for column in one)
    made = pyarrow.table({column: _column([one.get(column) for one in rows]) for column in columns})
    return _written(pyarrow, made.schema, lambda: iter([made]))


def _written(pyarrow: Any, schema: Any, tables: Callable[[], Iterator[Any]]) -> Iterator[bytes]:
    sink = _Sink()
    with pyarrow.parquet.ParquetWriter(pyarrow.PythonFile(sink, mode="w"), schema) as writer:
        for one in tables():
            writer.write_table(one)
            yield sink.take()
    yield sink.take()


class _Sink(io.RawIOBase):
    """Takes what is written; where a file would be, it counts."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._taken = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._taken + sum(map(len, self._parts))

    def take(self) -> bytes:
        """What was written since the last time."""
        found = b"".join(self._parts)
        self._parts.clear()
        self._taken += len(found)
        return found


def _column(values: list[Any]) -> list[Any]:
    """Values of one kind, as a Parquet column must be: mixed ones become text."""
    kinds = {
        bool if isinstance(v, bool) else float if isinstance(v, int | float) else str for v in values if v is not None
    }
    if kinds == {float} and any(isinstance(v, float) for v in values):
        return [None if v is None else float(v) for v in values]
    return [_text(v) if isinstance(v, str) else v for v in values] if len(kinds) <= 1 else [
        None if v is None else _text(str(v)) for v in values
    ]  # fmt: skip


def _text(value: str) -> str:
    return value.encode("utf-8", "replace").decode()
