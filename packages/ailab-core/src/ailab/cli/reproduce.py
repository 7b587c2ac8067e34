"""``ailab reproduce``: whether a recorded run comes out the same again."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ailab.cli.common import RUN, find_runs, reading
from ailab.cli.output import print_json, safe, show_number, show_value

if TYPE_CHECKING:
    from ailab.experiment.recorded import Run
    from ailab.experiment.reproduce import Verdict
    from ailab.experiment.segments import Segment
    from ailab.experiment.workspace import Workspace

__all__ = ["reproduce"]

_SHOWN = 5


@click.command()
@click.argument("run", type=RUN)
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder for the code.  [default: a temporary one]",
)
@click.option(
    "--link", "links", multiple=True, metavar="PATH", help="Link this path of the folder it ran in, such as data."
)
@click.option("--segment", type=click.IntRange(min=1), help="Of a resumed run.  [default: the last]")
@click.option("--rtol", type=click.FloatRange(min=0), default=1e-5, show_default=True, help="Relative tolerance.")
@click.option("--atol", type=click.FloatRange(min=0), default=1e-8, show_default=True, help="Absolute tolerance.")
@click.option("--check", is_flag=True, help="Only say what differs already, and run nothing.")
@click.option("--against", type=RUN, metavar="RUN", help="Compare with this run, and run nothing.")
@reading
def reproduce(
    workspace: Workspace,
    run: str,
    into: Path | None,
    links: tuple[str, ...],
    segment: int | None,
    rtol: float,
    atol: float,
    check: bool,
    against: str | None,
    as_json: bool,
) -> None:
    """Run RUN again in a clean folder, from its own code, with its own command and configuration, and compare.

    The repetition is a new run of the workspace, tagged 'reproduction'. Of a run that was resumed, what its last
    process ran is run again, and compared with what that one logged. Exit code 0 if all metrics agree within the
    tolerance, 1 if they diverge or it cannot be run.
    """
    from ailab.experiment import reproduce as again
    from ailab.experiment.segments import segment_of

    (found,) = find_runs(workspace, [run])
    try:
        part = segment_of(found, segment)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        if against is not None:
            (other,) = find_runs(workspace, [against])
        elif check:
            _print_preflight(found, again.preflight(part), as_json)
            return
        else:
            with tempfile.TemporaryDirectory(prefix="ailab-reproduce-") as temporary:
                folder = _folder(into, Path(temporary))
                if not as_json:
                    _print_preflight(found, again.preflight(part), False)
                again.rebuild(part, folder, links)
                other = again.run_again(part, folder, workspace.path, lambda line: _echo(line, as_json))
            other.set_tags([*other.tags, "reproduction"])
            other.set_notes(f"Reproduces {found.experiment}/{found.id}{_of(part)}.")
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    verdict = again.judge(part, other, rtol, atol)
    ended = other.state == "finished" or found.state == other.state
    if as_json:
        print_json(_as_dict(part, other, verdict))
    else:
        _print(part, other, verdict)
    if not (verdict.same and ended):
        sys.exit(1)


def _folder(into: Path | None, temporary: Path) -> Path:
    if into is None:
        return temporary.resolve()
    into.mkdir(parents=True, exist_ok=True)
    if any(into.iterdir()):
        raise click.UsageError(f"{into} is not empty: a clean folder is needed")
    return into.resolve()


def _echo(line: str, as_json: bool) -> None:
    # Where JSON is wanted, the output of the program must not be in its midst.
    click.echo(f"| {safe(line.replace(chr(9), '    '))}", err=as_json)


def _print_preflight(run: Run, differences: list[str], as_json: bool) -> None:
    if as_json:
        print_json({"run": run.id, "differs": differences})
        return
    for line in differences:
        click.echo(f"differs  {safe(line)}")
    if not differences:
        click.echo("Python, packages and platform are those of the run")


def _as_dict(part: Segment, other: Run, verdict: Verdict) -> dict[str, Any]:
    from ailab.experiment.difference import ABSENT

    kinds = {
        kind: [
            {"path": c.path, "then": None if c.a is ABSENT else c.a, "now": None if c.b is ABSENT else c.b}
            for c in getattr(verdict, kind)
        ]
        for kind in ("data", "config", "environment")
    }
    return {
        "run": part.run.id, "segment": part.number, "again": other.id, "state": other.state, "same": verdict.same,
        "metric": verdict.metric, "step": verdict.step, "expected": verdict.expected, "got": verdict.got,
        "largest": verdict.largest, "missing": verdict.missing, "differs": verdict.causes, "code": verdict.code,
        **kinds,
    }  # fmt: skip


def _of(part: Segment) -> str:
    return f", segment {part.number} of {part.count}" if part.count > 1 else ""


def _print(part: Segment, other: Run, verdict: Verdict) -> None:
    run = part.run
    click.echo(f"run      {run.experiment}/{run.id}{_of(part)}, {run.state}")
    click.echo(f"again    {other.experiment}/{other.id}, {other.state}")
    for kind in ("data", "code", "config", "environment"):
        found = getattr(verdict, kind)
        if kind == "code":
            lines = [f"{path} {what}" for path, what in found.items()]
        else:
            lines = [f"{c.path}: {_show(c.a)} then, {_show(c.b)} now" for c in found]
        more = f"; and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
        click.echo(f"{kind:<12} {'differs: ' + safe('; '.join(lines[:_SHOWN])) + more if lines else 'the same'}")
    for name in verdict.missing:
        click.echo(f"{safe(name)} does not have the same steps in both")
    if verdict.same:
        largest = max(verdict.largest.values(), default=0.0)
        click.echo(
            click.style("same", fg="green")
            + f": {len(verdict.largest)} metrics, largest relative difference {largest:.2g}"
        )
    elif verdict.metric is not None:
        values = f"{show_number(verdict.expected) or 'nothing'} then, {show_number(verdict.got) or 'nothing'} now"
        causes = " and ".join(verdict.causes) or "none of data, code, config and environment: it is not deterministic"
        click.echo(
            click.style("diverged", fg="red")
            + f" at step {verdict.step}: {safe(verdict.metric)} was {values}; what differs is {causes}"
        )
    else:
        click.echo(click.style("diverged", fg="red") + ": a metric is missing on one side")


def _show(value: Any) -> str:
    return show_value(value) if isinstance(value, str | int | float | dict | list) or value is None else repr(value)
