"""``ailab diff`` and ``ailab code``: in what two runs differ."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from ailab.cli.common import RUN, find_runs, reading
from ailab.cli.output import print_json, print_table, safe, show_number, show_value

if TYPE_CHECKING:
    from ailab.experiment.workspace import Workspace

__all__ = ["code", "diff"]


@click.command()
@click.argument("a", type=RUN)
@click.argument("b", type=RUN)
@reading
def diff(workspace: Workspace, a: str, b: str, as_json: bool) -> None:
    """Show in what the runs A and B differ: configuration, data, code, packages; and their metrics side by side.

    Exit code 1 if they differ in any of the first four, 0 if not.
    """
    from ailab.experiment.difference import ABSENT, code_differences, compare_runs
    from ailab.experiment.sources import code_of

    left, right = _two(workspace, a, b)
    kinds = compare_runs(left, right)
    with code_of(left) as a_code, code_of(right) as b_code:
        files = code_differences(a_code, b_code)
    ends = left.lasts(), right.lasts()
    metrics = {name: (ends[0].get(name), ends[1].get(name)) for name in dict.fromkeys([*ends[0], *ends[1]])}
    if as_json:
        found: dict[str, Any] = {
            kind: [
                {"path": change.path}
                | {side: value for side, value in (("a", change.a), ("b", change.b)) if value is not ABSENT}
                for change in changes
            ]
            for kind, changes in kinds.items()
        }
        print_json(found | {"code": files, "metrics": {name: {"a": x, "b": y} for name, (x, y) in metrics.items()}})
    else:
        for kind, changes in kinds.items():
            if changes:
                rows = [{kind: c.path, left.id: _value(c.a, ABSENT), right.id: _value(c.b, ABSENT)} for c in changes]
                print_table(rows, [kind, left.id, right.id])
                click.echo()
        if files:
            print_table([{"code": path, "": what} for path, what in files.items()], ["code", ""])
            click.echo()
        if metrics:
            rows = [
                {"metric": name, left.id: show_number(x), right.id: show_number(y)} for name, (x, y) in metrics.items()
            ]
            print_table(rows, ["metric", left.id, right.id], right=(left.id, right.id))
    if files or any(kinds.values()):
        sys.exit(1)


def _value(value: Any, absent: Any) -> str:
    return "-" if value is absent else show_value(value)


def _two(workspace: Workspace, a: str, b: str) -> list[Any]:
    runs = find_runs(workspace, [a, b])
    if len(runs) != 2:
        raise click.UsageError(f"{a} and {b} are the same run")
    return runs


@click.command()
@click.argument("a", type=RUN)
@click.argument("b", type=RUN, required=False)
@click.option("--names", is_flag=True, help="Only which files differ, and how.")
@reading
def code(workspace: Workspace, a: str, b: str | None, names: bool, as_json: bool) -> None:
    """Show how the code of run B differs from that of run A; without B, how this folder's does now.

    Exit code 1 if there are differences, 0 if not.
    """
    from ailab.experiment.difference import code_differences, unified_diff
    from ailab.experiment.sources import code_of, working_code

    if b is None:
        (left,) = find_runs(workspace, [a])
        other = working_code(workspace.path)
    else:
        left, right = _two(workspace, a, b)
        other = code_of(right)
    with code_of(left) as before, other as after:
        files = code_differences(before, after)
        if as_json:
            print_json({"files": files, "diff": "\n".join(unified_diff(before, after))})
        elif names:
            for path, what in files.items():
                click.echo(f"{what:<8} {safe(path)}")
        else:
            for line in unified_diff(before, after):
                color = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
                click.echo(click.style(safe(line.replace("\t", "    ")), fg=color))
    if files:
        sys.exit(1)
