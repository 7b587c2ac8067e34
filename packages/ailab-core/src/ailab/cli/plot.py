"""``ailab plot``: curves of runs as SVG, PDF or PNG for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ailab.cli.common import RUN, find_runs, reading
from ailab.cli.output import print_json, safe, show_value

if TYPE_CHECKING:
    from ailab.experiment.figures import Curve
    from ailab.experiment.recorded import Run
    from ailab.experiment.workspace import Workspace

__all__ = ["plot"]


@click.command()
@click.argument("runs", nargs=-1, type=RUN)
@click.option("--filter", "chosen", default="", help="Of RUNS left out: those that fit, as in 'ailab list'.")
@click.option("-m", "--metric", "metrics", multiple=True, help="May be repeated.  [default: the primary one]")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="A .svg, .pdf or .png."
)
@click.option(
    "--x", "x_axis", type=click.Choice(["step", "time"]), default="step", show_default=True, help="time: seconds."
)
@click.option(
    "--smooth", "weight", type=click.FloatRange(0, 0.9999), default=0.0, help="Moving average, 0 (none) to 1."
)
@click.option("--groups", is_flag=True, help="Runs that differ in the seed alone as one mean with a band, min to max.")
@click.option("--label", metavar="PATH", help="Label by this path of the configuration.  [default: by what differs]")
@click.option(
    "--width", type=click.FloatRange(min=0.5), default=3.5, show_default=True, help="Inches: 3.5 is a column."
)
@click.option("--height", type=click.FloatRange(min=0.5), default=2.4, show_default=True, help="Inches.")
@click.option("--font", type=click.FloatRange(min=1), default=8.0, show_default=True, help="Points.")
@click.option("--log-x", is_flag=True)
@click.option("--log-y", is_flag=True)
@click.option("--title", default="")
@reading
def plot(
    workspace: Workspace,
    runs: tuple[str, ...],
    chosen: str,
    metrics: tuple[str, ...],
    output: Path,
    x_axis: str,
    weight: float,
    groups: bool,
    label: str | None,
    as_json: bool,
    **look: Any,
) -> None:
    """Draw the curves of RUNS: ailab plot RUN RUN -m loss -m val/loss -o loss.pdf --smooth 0.9"""
    from ailab.experiment.figures import Look, legend_columns, save_figure

    if runs and chosen:
        raise click.UsageError("name the runs, or give --filter")
    if output.suffix.lower() not in (".svg", ".pdf", ".png"):
        raise click.UsageError(f"a figure is written as .svg, .pdf or .png, got {output.name!r}")
    found = find_runs(workspace, runs) if runs else workspace.runs(chosen)
    if not found:
        raise click.UsageError("no runs to draw")
    names = list(metrics) or [name for run in found if (name := run.primary) is not None][:1]
    if not names:
        raise click.UsageError("no metric was logged as primary: name one with --metric")
    labels, title = _labels(found, label)
    if title and all(isinstance(run.config.at(title), int | float) for run in found):
        found.sort(key=lambda run: float(run.config.at(title)))
    try:
        curves, seeds = _curves(found, names, x_axis, weight, groups, labels)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    if not curves:
        known = sorted({name for run in found for name in run.metrics})
        raise click.UsageError(f"no run has {', '.join(names)}; there are: {', '.join(known) or 'no metrics'}")
    x_label = "step" if x_axis == "step" else "seconds since the start"
    chosen_look = Look(x_label=x_label, y_label=names[0] if len(names) == 1 else "", legend_title=title + seeds, **look)
    save_figure(curves, output, chosen_look)
    if as_json:
        print_json({"file": str(output), "curves": [{"label": c.label, "points": len(c.x)} for c in curves]})
    else:
        click.echo(f"{safe(output)}: {len(curves)} curves")
        if len(curves) > 1 and not legend_columns(curves, chosen_look):
            click.echo("too many curves for a legend; --groups draws one for runs that differ in the seed", err=True)


def _labels(runs: list[Run], path: str | None) -> tuple[dict[Path, str], str]:
    """What each run is called, and the title of the legend: what differs, if that is one thing, and else none."""
    from ailab.cli.listing import differing_paths

    paths = [path] if path else differing_paths(runs)[:3]
    labels = {}
    for run in runs:
        values = [show_value(run.config.at(one), 20) for one in paths]
        parts = [f"{one.rpartition('.')[2]}={value}" for one, value in zip(paths, values, strict=True)]
        labels[run.path] = (values[0] if len(paths) == 1 else ", ".join(parts)) or run.id
    return labels, paths[0] if len(paths) == 1 else ""


def _curves(
    runs: list[Run], names: list[str], x_axis: str, weight: float, groups: bool, labels: dict[Path, str]
) -> tuple[list[Curve], str]:
    """The curves, and what is to be said of all of them: of how many seeds each is the mean, if of equally many."""
    import numpy as np

    from ailab.experiment.figures import Curve, mean_curve, smooth
    from ailab.experiment.seeds import seed_groups

    def one(run: Run, name: str) -> tuple[Any, Any]:
        values = run.values(name)
        x = values["step"] if x_axis == "step" else values["time"] - (run.created or values["time"][0])
        return x, smooth(values["value"].astype(np.float64), weight)

    several = len(names) > 1
    counts = [len(group.counted) for group in seed_groups(runs)] if groups else []
    common = f" ({counts[0]} seeds)" if len(counts) > 1 and len(set(counts)) == 1 and counts[0] > 1 else ""
    curves = []
    for name in names:
        having = [run for run in runs if name in run.metrics and len(run.values(name))]
        if groups:
            for group in seed_groups(having):
                ending = f" ({len(group.counted)} seeds)" if len(group.counted) > 1 and not common else ""
                text = labels[group.runs[0].path] + ending
                curves.append(mean_curve(f"{name}, {text}" if several else text, [one(r, name) for r in group.counted]))
        else:
            for run in having:
                x, y = one(run, name)
                text = labels[run.path]
                label = (name if len(runs) == 1 else f"{name}, {text}") if several else text
                curves.append(Curve(label, x.astype(np.float64), y))
    return curves, common
