"""``ailab doctor``: what is wrong with a workspace and with this installation."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ailab.cli.common import RUN, find_runs, reading
from ailab.cli.output import print_json, safe

if TYPE_CHECKING:
    from ailab.experiment.workspace import Workspace

__all__ = ["doctor"]


@click.command()
@click.argument("runs", nargs=-1, type=RUN)
@reading
def doctor(workspace: Workspace, runs: tuple[str, ...], as_json: bool) -> None:
    """Look for damage in RUNS, or in the whole workspace, and for plugins that do not load. Nothing is changed.

    Exit code 1 if there is a problem; notes alone are none.
    """
    from ailab.experiment.checkup import Finding, check_run, check_workspace

    if runs:
        findings = [finding for run in find_runs(workspace, runs) for finding in check_run(run)]
    else:
        findings = [*check_workspace(workspace.path), *(Finding(f"plugin {n}", why) for n, why in _plugins())]
    if as_json:
        print_json([vars(finding) for finding in findings])
    else:
        for finding in findings:
            color = "red" if finding.kind == "problem" else "yellow"
            click.echo(f"{click.style(f'{finding.kind:<7}', fg=color)} {safe(finding.where)}: {safe(finding.what)}")
        if not findings:
            click.echo("nothing to complain about")
    if any(finding.kind == "problem" for finding in findings):
        sys.exit(1)


def _plugins() -> list[tuple[str, str]]:
    import warnings

    from ailab.plugins import create_manager, failures

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are listed instead
        return sorted(failures(create_manager()).items())
