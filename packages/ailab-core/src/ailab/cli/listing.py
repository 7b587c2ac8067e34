"""``ailab list``: the runs of a workspace, filtered, sorted, and those that differ in the seed alone as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ailab.cli.common import reading
from ailab.cli.output import ago, print_json, print_table, show_number, show_span, show_value

if TYPE_CHECKING:
    from ailab.experiment.recorded import Run
    from ailab.experiment.workspace import Workspace

__all__ = ["list_"]


@click.command("list")
@click.argument("filter", default="")
@click.option("--sort", default="", metavar="NAME", help="Such as loss, -loss (largest first), min(loss), created.")
@click.option("-n", "--limit", type=click.IntRange(min=1), help="Show at most so many.")
@click.option("-c", "--columns", metavar="NAMES", help="More columns, such as val_loss,train.batch_size,min(loss).")
@click.option("--groups", is_flag=True, help="Runs that differ in the seed alone as one row, with mean and interval.")
@click.option("-q", "--quiet", is_flag=True, help="Print the ids alone, for other commands.")
@reading
def list_(
    workspace: Workspace,
    filter: str,
    sort: str,
    limit: int | None,
    columns: str | None,
    groups: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """List runs, newest first: ailab list 'loss < 0.3 and train.batch_size == 64' --sort loss

    A filter compares a run's facts (state, experiment, id, created, duration, tags, notes, user, host, ...), its
    metrics' last values (loss, val/loss, min(loss)) and its configuration's paths (train.batch_size) by == != < <= >
    >= in, joined by and, or, not. Times compare with '2d ago', 'today' or '2026-11-22', durations with '2h'.
    """
    from ailab.experiment.filters import Filter

    runs = workspace.runs(
        filter, sort=sort.removeprefix("-"), reverse=sort.startswith("-"), limit=None if groups else limit
    )
    more = [Filter(column, "column") for column in _split(columns or "")]
    if groups:
        _print_groups(runs, limit, [column.text for column in more], as_json)
    elif quiet:
        for run in runs:
            click.echo(run.id)
    elif as_json:
        from ailab.experiment.waiting import each
        from ailab.experiment.workspace import row

        print_json(list(each(runs, lambda run: row(run) | _cells(run, more))))
    elif not runs:
        click.echo(f"no runs{' that fit' if filter.strip() else ''} in {workspace.path}", err=True)
    else:
        _print(runs, more)


def _split(names: str) -> list[str]:
    """At commas, but not those in brackets."""
    parts, depth = [""], 0
    for c in names:
        depth += (c in "([") - (c in ")]")
        if c == "," and not depth:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts if part.strip()]


def _cells(run: Run, columns: list[Any]) -> dict[str, Any]:
    from ailab.experiment.filter_subject import RunSubject

    return {column.text: column.value(RunSubject(run)) for column in columns}


def _print(runs: list[Run], more: list[Any]) -> None:
    from ailab.experiment.waiting import each

    rows = list(each(runs, lambda run: _row(run, more)))
    names = ["id", "experiment", "state", "progress", "created", "duration", "primary", "tags"]
    names = [name for name in names if name not in ("progress", "tags", "primary") or any(row[name] for row in rows)]
    extra = [column.text for column in more]
    print_table(rows, [*names, *extra], right=("progress", "duration", *extra))


def _row(run: Run, more: list[Any]) -> dict[str, str]:
    primary = run.primary
    return {
        "id": run.id,
        "experiment": run.experiment,
        "state": run.state,
        "progress": "" if run.progress is None else f"{run.progress:.0%}",
        "created": ago(run.created),
        "duration": show_span(run.duration),
        "primary": "" if primary is None else f"{primary} {show_number(run.last(primary))}",
        "tags": ",".join(run.tags),
        **{name: _show(value) for name, value in _cells(run, more).items()},
    }


def _show(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "" if value is None else show_value(value)
    return show_number(value)


def _print_groups(runs: list[Run], limit: int | None, metrics: list[str], as_json: bool) -> None:
    from ailab.experiment.seeds import seed_groups
    from ailab.experiment.statistics import mean_interval

    groups = seed_groups(runs)[:limit]
    found = []
    for group in groups:
        names = metrics or ([group.primary] if group.primary else [])
        summary = {name: mean_interval(group.lasts(name)) for name in names}
        found.append((group, summary))
    if as_json:
        print_json(
            [
                {
                    "experiment": group.experiment,
                    "runs": [run.id for run in group.runs],
                    "counted": [run.id for run in group.counted],
                    "seeds": group.seeds,
                    "config_hash": group.key,
                    "metrics": {
                        name: {"mean": m.mean, "low": m.low, "high": m.high, "n": m.n, "confidence": m.confidence}
                        for name, m in summary.items()
                    },
                }
                for group, summary in found
            ]
        )
        return
    differing = differing_paths([group.runs[0] for group in groups])
    rows = []
    for group, summary in found:
        row = {"experiment": group.experiment, "runs": str(len(group.counted)), "newest": group.runs[0].id}
        for name, m in summary.items():
            row[name] = str(m)
        rows.append(row | {path: show_value(group.runs[0].config.at(path), 20) for path in differing[:4]})
    shown = list(dict.fromkeys(name for _, summary in found for name in summary))
    print_table(rows, ["experiment", "runs", *shown, *differing[:4], "newest"], right=("runs",))


def differing_paths(runs: list[Run]) -> list[str]:
    """The configuration's paths in which these runs differ, seeds left out."""
    from ailab.experiment.seeds import is_seed
    from ailab.experiment.settings import flatten

    configs = [flatten(run.config) for run in runs]
    paths = dict.fromkeys(path for config in configs for path in config)
    return [
        path for path in paths
        if not is_seed(path) and any(config.get(path) != configs[0].get(path) for config in configs)
    ]  # fmt: skip
