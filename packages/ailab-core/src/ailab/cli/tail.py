"""``ailab tail -f``: what a run prints, or logs, as it comes."""

from __future__ import annotations

import codecs
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ailab.cli.common import RUN, find_runs, reading
from ailab.cli.output import safe, show_number, strict

if TYPE_CHECKING:
    from ailab.experiment.workspace import Workspace

__all__ = ["tail"]

_POLL_SECONDS = 0.25


@click.command()
@click.argument("run", type=RUN, default="last")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run is over.")
@click.option("-n", "--lines", type=click.IntRange(min=0), default=10, show_default=True, help="Begin with so many.")
@click.option("--values", is_flag=True, help="The values that are logged, not the output.")
@reading
def tail(workspace: Workspace, run: str, follow: bool, lines: int, values: bool, as_json: bool) -> None:
    """Show the end of what RUN (default: the newest) printed, and with -f what follows.

    --json prints an object a line: {"line"}, or with --values {"metric", "step", "time", "value"}.
    """
    (found,) = find_runs(workspace, [run])
    source = _values(found.path, follow, lines) if values else _output(found.path, follow, lines)
    for item in source:
        if as_json:
            click.echo(json.dumps(strict(item), allow_nan=False))
        elif values:
            click.echo(f"{safe(item['metric'])}  step {item['step']}  {show_number(item['value'])}")
        else:
            click.echo(safe(item["line"].replace("\t", "    ")))


def _output(path: Path, follow: bool, lines: int) -> Iterator[dict[str, Any]]:
    from ailab.experiment.record import RunReader
    from ailab.experiment.record.files import read_regular

    reader = RunReader(path)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    offset, waiting, first = 0, "", True
    while True:
        reader.poll()
        over = not follow or reader.over or reader.state == "stale"
        try:
            data = read_regular(reader.folder.output, offset)
        except FileNotFoundError:
            data = b""  # nothing was printed yet, or it is not kept
        offset += len(data)
        *whole, waiting = (waiting + decoder.decode(data, final=over)).split("\n")
        if over and waiting:
            whole.append(waiting)
        for line in whole[len(whole) - min(lines, len(whole)) :] if first else whole:
            yield {"line": line.rstrip("\r")}
        first = False
        if over:
            return
        time.sleep(_POLL_SECONDS)


def _values(path: Path, follow: bool, lines: int) -> Iterator[dict[str, Any]]:
    from ailab.experiment.record import RunReader
    from ailab.experiment.recorded import Run

    reader = RunReader(path)
    shown: dict[str, int] = {}
    first = True
    while True:
        reader.poll()
        over = not follow or reader.over or reader.state == "stale"
        # Only metrics that have grown are read again; a writer only appends, so by time the new ones are the last.
        grown = [name for name, metric in reader.metrics.items() if metric.count > shown.get(name, 0)]
        new: list[dict[str, Any]] = []
        run = Run(path)
        for name in grown:
            values = run.values(name)
            values = values[values["time"].argsort(kind="stable")]
            begin = max(shown.get(name, 0), len(values) - lines) if first else shown.get(name, 0)
            shown[name] = len(values)
            new += [
                {"metric": name, "step": step, "time": when, "value": value}
                for step, when, value in values[begin:].tolist()
            ]
        new.sort(key=lambda item: item["time"])
        yield from new[len(new) - min(lines, len(new)) :] if first else new
        first = False
        if over:
            return
        time.sleep(_POLL_SECONDS)
