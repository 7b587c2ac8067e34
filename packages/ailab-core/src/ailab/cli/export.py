"""``ailab export``: values of runs for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from ailab.cli.common import RUN, find_runs, reading

if TYPE_CHECKING:
    from ailab.experiment.exporting import Format
    from ailab.experiment.workspace import Workspace

__all__ = ["export"]

FORMATS = ("csv", "jsonl", "parquet")


@click.command()
@click.argument("runs", nargs=-1, type=RUN)
@click.option("--filter", "chosen", default="", help="Of RUNS left out: those that fit, as in 'ailab list'.")
@click.option("-m", "--metric", "metrics", multiple=True, help="Only this metric; may be repeated.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="[default: by FILE's ending, or csv]")
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
        form = "jsonl" if as_json else ending if ending in FORMATS else "csv"
    if metrics and not any(set(metrics) & set(run.metrics) for run in found):
        known = sorted({name for run in found for name in run.metrics})
        raise click.UsageError(f"no run has the metric {', '.join(metrics)}; there are: {', '.join(known) or 'none'}")
    if form == "parquet" and output is None:
        raise click.UsageError("Parquet is no text: give -o FILE")
    from ailab.experiment.exporting import export as exported

    pieces = exported(found, metrics, cast("Format", form), table)
    if output is None:
        for piece in pieces:
            click.echo(piece, nl=False)
        return
    with output.open("wb") as file:
        file.writelines(pieces)
