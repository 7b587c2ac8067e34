"""``ailab export``: values of runs for other programs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from ailab.cli.common import RUN, find_runs, reading
from ailab.cli.output import strict

if TYPE_CHECKING:
    from ailab.experiment.recorded import Run
    from ailab.experiment.workspace import Workspace

__all__ = ["export"]

_COLUMNS = ("experiment", "run", "metric", "step", "time", "value")


@click.command()
@click.argument("runs", nargs=-1, type=RUN)
@click.option("--filter", "chosen", default="", help="Of RUNS left out: those that fit, as in 'ailab list'.")
@click.option("-m", "--metric", "metrics", multiple=True, help="Only this metric; may be repeated.")
@click.option(
    "--format", "form", type=click.Choice(["csv", "parquet", "jsonl"]), help="[default: by FILE's ending, or csv]"
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="FILE.  [default: the standard output]"
)
@click.option(
    "--table",
    is_flag=True,
    help="A row for each run (facts, last values, configuration) instead of one for each value.",
)
@reading
def export(
    workspace: Workspace,
    runs: tuple[str, ...],
    chosen: str,
    metrics: tuple[str, ...],
    form: str | None,
    output: Path | None,
    table: bool,
    as_json: bool,
) -> None:
    """Write the values of RUNS (default: of all) as CSV, Parquet or JSON lines.

    The columns are experiment, run, metric, step, time (seconds since the epoch) and value. --json is --format jsonl.
    """
    if runs and chosen:
        raise click.UsageError("name the runs, or give --filter")
    found = find_runs(workspace, runs) if runs else workspace.runs(chosen)
    if form is None:
        ending = "" if output is None else output.suffix[1:].lower()
        form = "jsonl" if as_json else ending if ending in ("csv", "parquet", "jsonl") else "csv"
    if metrics and not any(set(metrics) & set(run.metrics) for run in found):
        known = sorted({name for run in found for name in run.metrics})
        raise click.UsageError(f"no run has the metric {', '.join(metrics)}; there are: {', '.join(known) or 'none'}")
    if form == "parquet":
        if output is None:
            raise click.UsageError("Parquet is no text: give -o FILE")
        _parquet(found, metrics, output, table)
        return
    to: Any = nullcontext(sys.stdout) if output is None else output.open("w", encoding="utf-8", newline="")
    with to as file:
        if table:
            _write_rows(_table(found), file, form)
        elif form == "csv":
            _write_csv(found, metrics, file)
        else:
            for part in _parts(found, metrics):
                _write_rows((dict(zip(_COLUMNS, row, strict=True)) for row in _rows(*part)), file, form)


def _parts(runs: list[Run], metrics: tuple[str, ...]) -> Iterator[tuple[Run, str, Any]]:
    for run in runs:
        for name, values in run.all_values().items():
            if not metrics or name in metrics:
                yield run, name, values


def _rows(run: Run, name: str, values: Any) -> Iterator[tuple[Any, ...]]:
    for step, time, value in values.tolist():
        yield run.experiment, run.id, name, step, time, value


def _write_csv(runs: list[Run], metrics: tuple[str, ...], file: IO[str]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for part in _parts(runs, metrics):
        writer.writerows(_rows(*part))


def _table(runs: list[Run]) -> Iterator[dict[str, Any]]:
    from ailab.experiment.workspace import row

    return (row(run) for run in runs)


def _write_rows(rows: Iterator[dict[str, Any]], file: IO[str], form: str) -> None:
    if form == "jsonl":
        for row in rows:
            file.write(json.dumps(strict(row), allow_nan=False) + "\n")
        return
    several = list(rows)
    columns = list(dict.fromkeys(column for row in several for column in row))
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in several:
        writer.writerow([_cell(row.get(column)) for column in columns])


def _cell(value: Any) -> Any:
    return json.dumps(strict(value)) if isinstance(value, list | dict) else value


def _parquet(runs: list[Run], metrics: tuple[str, ...], output: Path, table: bool) -> None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "pyarrow":
            raise
        raise click.ClickException("Parquet needs pyarrow: pip install pyarrow (--format csv needs nothing)") from None
    if table:
        rows = [{name: _cell(value) for name, value in row.items()} for row in _table(runs)]
        columns = dict.fromkeys(column for row in rows for column in row)
        pyarrow.parquet.write_table(
            pyarrow.table({column: _column([row.get(column) for row in rows]) for column in columns}), output
        )
        return
    text = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    kinds = [text, text, text, pyarrow.int64(), pyarrow.float64(), pyarrow.float64()]
    schema = pyarrow.schema(list(zip(_COLUMNS, kinds, strict=True)))
    with pyarrow.parquet.ParquetWriter(output, schema) as writer:
        for run, name, values in _parts(runs, metrics):
            same = [
                pyarrow.array([text_] * len(values)).dictionary_encode() for text_ in (run.experiment, run.id, name)
            ]
            numbers = [pyarrow.array(values[field].copy()) for field in ("step", "time", "value")]
            writer.write_table(pyarrow.table([*same, *numbers], names=list(_COLUMNS)).cast(schema))


def _column(values: list[Any]) -> list[Any]:
    """Values of one kind, as a Parquet column must be: mixed ones become text."""
    kinds = {
        bool if isinstance(v, bool) else float if isinstance(v, int | float) else str for v in values if v is not None
    }
    if kinds == {float} and any(isinstance(v, float) for v in values):
        return [None if v is None else float(v) for v in values]
    return values if len(kinds) <= 1 else [None if v is None else str(v) for v in values]
