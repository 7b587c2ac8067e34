"""``ailab show``: one run, everything about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ailab.cli.common import RUN, find_runs, reading
from ailab.cli.output import ago, print_json, print_table, safe, show_number, show_span, show_state, show_value

if TYPE_CHECKING:
    from ailab.experiment.recorded import Run
    from ailab.experiment.workspace import Workspace

__all__ = ["show"]


@click.command()
@click.argument("run", type=RUN)
@reading
def show(workspace: Workspace, run: str, as_json: bool) -> None:
    """Show RUN: its state, metrics, configuration, images, and where and how it ran."""
    (found,) = find_runs(workspace, [run])
    metrics = _metrics(found)
    if as_json:
        print_json(
            {
                "id": found.id, "experiment": found.experiment, "path": str(found.path), "state": found.state,
                "progress": found.progress, "created": found.created, "updated": found.updated,
                "finished": found.finished, "duration": found.duration, "tags": found.tags, "notes": found.notes,
                "error": found.error, "traceback": found.traceback, "warnings": found.warnings,
                "problems": found.problems, "primary": found.primary, "metrics": metrics,
                "images": [vars(image) for image in found.images], "config": found.config, "info": found.info,
            }
        )  # fmt: skip
    else:
        _print(found, metrics)


def _metrics(run: Run) -> list[dict[str, Any]]:
    import numpy as np

    rows = []
    for name, values in run.all_values().items():
        finite = values[np.isfinite(values["value"])]
        best: dict[str, Any] = {"min": None, "min_step": None, "max": None, "max_step": None}
        if len(finite):
            low, high = finite[finite["value"].argmin()], finite[finite["value"].argmax()]
            best = {"min": float(low["value"]), "min_step": int(low["step"])}
            best |= {"max": float(high["value"]), "max_step": int(high["step"])}
        rows.append({"name": name, "count": len(values), "last": run.last(name) if len(values) else None, **best})
    return rows


def _print(run: Run, metrics: list[dict[str, Any]]) -> None:
    from ailab.experiment.settings import flatten

    info = run.info
    progress = "" if run.progress is None else f", {run.progress:.0%}"
    git = info.get("git")
    commit = ""
    if isinstance(git, dict):
        commit = f"{git.get('commit')} on {git.get('branch')}{', with uncommitted changes' if git.get('dirty') else ''}"
    facts = {
        "run": f"{run.experiment}/{run.id}",
        "state": show_state(run.state) + progress,
        "created": ago(run.created),
        "duration": show_span(run.duration),
        "tags": safe(", ".join(run.tags)),
        "where": safe(f"{info.get('user')}@{info.get('host')}:{info.get('folder')}"),
        "command": safe(" ".join(map(str, info.get("command") or []))),
        "commit": safe(commit),
        "python": safe(f"{info.get('python')}, {len(info.get('packages') or ())} packages, {info.get('platform')}"),
        "datasets": safe(show_value(info.get("datasets"), 200)) if info.get("datasets") else "",
        "path": safe(run.path),
        "error": safe(" ".join(run.error.split())) if run.error else "",
    }
    for name, text in facts.items():
        if text:
            click.echo(f"{click.style(f'{name:<9}', bold=True)} {text}")
    for title, lines in (("notes", run.notes), ("traceback", run.traceback or "")):
        if lines:
            _title(title)
            for line in lines.splitlines():
                click.echo(f"  {safe(line)}")
    for title, several in (("warnings", run.warnings), ("problems", run.problems)):
        if several:
            _title(title)
            for line in several:
                click.echo(f"  {safe(line)}")
    if metrics:
        _title("metrics")
        rows = [
            {
                "metric": row["name"] + (" *" if row["name"] == run.primary else ""),
                "values": str(row["count"]),
                "last": show_number(row["last"]),
                "min": show_number(row["min"]),
                "at": "" if row["min"] is None else str(row["min_step"]),
                "max": show_number(row["max"]),
                "at ": "" if row["max"] is None else str(row["max_step"]),
            }
            for row in metrics
        ]
        print_table(rows, list(rows[0]), right=list(rows[0])[1:])
    if run.images:
        _title("images")
        for name in dict.fromkeys(image.name for image in run.images):
            click.echo(f"  {safe(name)}: {sum(image.name == name for image in run.images)}")
    if config := flatten(run.config):
        _title("configuration")
        width = max(map(len, config))
        for path, value in config.items():
            click.echo(f"  {safe(path):<{width}}  {show_value(value, 100)}")


def _title(text: str) -> None:
    click.echo("\n" + click.style(text, bold=True))
