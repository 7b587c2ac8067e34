"""``ailab tag`` and ``ailab note``: what people add to runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ailab.cli.common import RUN, find_runs, reading
from ailab.cli.output import print_json, safe

if TYPE_CHECKING:
    from ailab.experiment.workspace import Workspace

__all__ = ["note", "tag"]


@click.command()
@click.argument("run", type=RUN)
@click.argument("tags", nargs=-1)
@click.option("-d", "--delete", multiple=True, metavar="TAG", help="Take this one off; may be repeated.")
@reading
def tag(workspace: Workspace, run: str, tags: tuple[str, ...], delete: tuple[str, ...], as_json: bool) -> None:
    """Add TAGS to RUN, or take some off, or show those it has: ailab tag RUN baseline paper -d draft"""
    (found,) = find_runs(workspace, [run])
    missing = [name for name in delete if name not in found.tags]
    if missing:
        raise click.UsageError(f"{found.id} has no tag {missing[0]!r}; it has: {', '.join(found.tags) or 'none'}")
    if tags or delete:
        try:
            found.set_tags([*(name for name in found.tags if name not in delete), *tags])
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    if as_json:
        print_json({"id": found.id, "experiment": found.experiment, "tags": found.tags})
    else:
        for name in found.tags:
            click.echo(safe(name))


@click.command()
@click.argument("run", type=RUN)
@click.argument("text", required=False)
@click.option("-a", "--append", is_flag=True, help="Add TEXT as a line instead of replacing the notes.")
@reading
def note(workspace: Workspace, run: str, text: str | None, append: bool, as_json: bool) -> None:
    """Set RUN's notes to TEXT (- reads them from the standard input), or show them."""
    (found,) = find_runs(workspace, [run])
    if text is not None:
        content = sys.stdin.read() if text == "-" else text
        try:
            found.set_notes(f"{found.notes}\n{content}" if append and found.notes else content)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    elif append:
        raise click.UsageError("--append needs a TEXT")
    if as_json:
        print_json({"id": found.id, "experiment": found.experiment, "notes": found.notes})
    elif text is None:
        for line in found.notes.splitlines():
            click.echo(safe(line))
