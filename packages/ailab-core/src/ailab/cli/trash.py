"""``ailab rm``, ``restore`` and ``gc``: to the trash, back, and away. Nothing is ever deleted by itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from ailab.cli.common import RUN, find_runs, reading
from ailab.cli.output import ago, print_json, print_table

if TYPE_CHECKING:
    from ailab.experiment.trash import Trashed
    from ailab.experiment.workspace import Workspace

__all__ = ["gc", "restore", "rm"]


@click.command()
@click.argument("runs", nargs=-1, type=RUN)
@click.option("--filter", "chosen", help="All runs that fit, as in 'ailab list'; without --yes they are only shown.")
@click.option("-y", "--yes", is_flag=True, help="Move those that --filter found.")
@click.option("--force", is_flag=True, help="Even if they are running.")
@reading
def rm(workspace: Workspace, runs: tuple[str, ...], chosen: str | None, yes: bool, force: bool, as_json: bool) -> None:
    """Move RUNS to the workspace's trash, from which 'ailab restore' brings them back."""
    from ailab.experiment.trash import trash

    if bool(runs) is (chosen is not None):
        raise click.UsageError("name the runs, or give --filter")
    found = find_runs(workspace, runs) if chosen is None else workspace.runs(chosen)
    moved = chosen is None or yes
    try:
        for run in found if moved else ():
            trash(workspace.path, run, force)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        print_json([{"id": run.id, "experiment": run.experiment, "moved": moved} for run in found])
        return
    for run in found:
        click.echo(f"{'moved' if moved else 'would move'} {run.experiment}/{run.id} to the trash")
    if not moved:
        click.echo(f"{len(found)} runs; nothing was moved: say so with --yes")


@click.command()
@click.argument("runs", nargs=-1)
@reading
def restore(workspace: Workspace, runs: tuple[str, ...], as_json: bool) -> None:
    """Bring RUNS back from the trash; without RUNS, show what is in it."""
    from ailab.experiment import trash

    inside = trash.trashed(workspace.path)
    if not runs:
        _show(inside, as_json)
        return
    found = [_find(inside, reference) for reference in runs]
    places = [trash.restore(workspace.path, run) for run in found]
    if as_json:
        print_json([{"id": run.id, "experiment": run.experiment} for run in found])
    else:
        for place in places:
            click.echo(f"restored {place.parent.name}/{place.name}")


def _find(inside: list[Trashed], reference: str) -> Trashed:
    experiment, _, id = reference.rpartition("/")
    for fits in (str.__eq__, str.startswith, str.endswith):
        found = [run for run in inside if fits(run.id, id) and experiment in ("", run.experiment)]
        if len(found) == 1:
            return found[0]
        if found:
            raise click.UsageError(f"{reference!r} is the name of {len(found)} runs in the trash; type more of it")
    raise click.UsageError(f"the trash holds no run {reference!r}; 'ailab restore' shows what is in it")


def _show(inside: list[Trashed], as_json: bool) -> None:
    if as_json:
        print_json([{"id": run.id, "experiment": run.experiment, "time": run.when, "user": run.by} for run in inside])
    elif not inside:
        click.echo("the trash is empty", err=True)
    else:
        rows = [{"id": run.id, "experiment": run.experiment, "deleted": ago(run.when), "by": run.by} for run in inside]
        print_table(rows, ["id", "experiment", "deleted", "by"])


@click.command()
@click.option("--days", type=click.FloatRange(min=0), default=30.0, show_default=True, help="In the trash for so long.")
@click.option("-y", "--yes", is_flag=True, help="Really delete them, for ever.")
@reading
def gc(workspace: Workspace, days: float, yes: bool, as_json: bool) -> None:
    """Delete for ever what has been in the trash for --days; without --yes, show what that would be."""
    from ailab.experiment.trash import empty, trashed

    due = [run for run in trashed(workspace.path) if time.time() - run.when >= days * 86400]
    sizes = [run.size() for run in due]
    if yes:
        for run in due:
            empty(run)
    if as_json:
        print_json(
            [
                {"id": run.id, "experiment": run.experiment, "bytes": size, "deleted": yes}
                for run, size in zip(due, sizes, strict=True)
            ]
        )
        return
    for run, size in zip(due, sizes, strict=True):
        click.echo(
            f"{'deleted' if yes else 'would delete'} {run.experiment}/{run.id}, {_size(size)}, trashed {ago(run.when)}"
        )
    total = f"{len(due)} runs, {_size(sum(sizes))}"
    click.echo(total if yes else f"{total}; nothing was deleted{': say so with --yes' if due else ''}")


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
