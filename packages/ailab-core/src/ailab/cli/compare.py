"""``ailab compare``: whether a gain is more than seed noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from ailab.cli.common import RUN, reading
from ailab.cli.output import print_json

if TYPE_CHECKING:
    from ailab.experiment.recorded import Run
    from ailab.experiment.workspace import Workspace

__all__ = ["compare"]


@click.command()
@click.argument("a", type=RUN)
@click.argument("b", type=RUN)
@click.option("-m", "--metric", help="[default: the first logged as primary]")
@click.option(
    "--take", type=click.Choice(["last", "min", "max", "mean"]), default="last", show_default=True,
    help="Which of a run's values counts. The best one of each run is optimistic, for both sides.",
)  # fmt: skip
@click.option("--confidence", type=click.FloatRange(0.5, 0.9999), default=0.95, show_default=True)
@reading
def compare(
    workspace: Workspace, a: str, b: str, metric: str | None, take: str, confidence: float, as_json: bool
) -> None:
    """Say whether B's mean differs from A's by more than the noise of their seeds.

    A and B are each a run, which stands for all finished runs that differ from it in the seed alone, or a filter in
    quotes. The method is Welch's t-test (1947), which needs no equal variances; beside it stands a bootstrap interval
    (Efron, 1979).
    """
    from ailab.experiment.filter_subject import RunSubject
    from ailab.experiment.statistics import compare_means

    sides = [_side(workspace, text) for text in (a, b)]
    if metric is None:
        metric = next((run.primary for side in sides for run in side if run.primary is not None), None)
        if metric is None:
            raise click.UsageError("no metric was logged as primary: name one with --metric")
    both = {run.path for run in sides[0]} & {run.path for run in sides[1]}
    if both:
        raise click.UsageError(f"A and B have {len(both)} runs in common: there is nothing to compare")
    found = [_values(side, metric, take, RunSubject) for side in sides]
    for name, side, values in zip("AB", sides, found, strict=True):
        if not values:
            known = sorted({name for run in side for name in run.metrics})
            raise click.UsageError(
                f"no run of {name} has the metric {metric!r}; they have: {', '.join(known) or 'none'}"
            )
    try:
        result = compare_means(found[0], found[1], confidence)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        print_json(
            {
                "metric": metric, "take": take, "method": "Welch's t-test",
                "a": {"runs": [run.id for run in sides[0]], "values": found[0], **vars(result.a)},
                "b": {"runs": [run.id for run in sides[1]], "values": found[1], **vars(result.b)},
                **{name: value for name, value in vars(result).items() if name not in ("a", "b")},
                "significant": result.significant,
            }
        )  # fmt: skip
        return
    percent = f"{confidence:.0%}" if round(confidence * 100, 6).is_integer() else f"{confidence:.2%}"
    for name, side, m in (("A", sides[0], result.a), ("B", sides[1], result.b)):
        click.echo(f"{name}  {metric} ({take}) {m}   {m.n} runs, {side[0].experiment}/{side[0].id}")
    relative = f" ({result.difference / abs(result.a.mean):+.2%})" if result.a.mean else ""
    click.echo(f"B - A  {result.difference:+.5g}{relative}")
    click.echo(f"  Welch's t-test     t = {result.t:.3g}, {result.degrees:.3g} degrees of freedom, p = {result.p:.3g}")
    click.echo(f"  {percent} interval       {result.low:+.5g} .. {result.high:+.5g} (Welch)")
    bootstrap = f"{result.bootstrap_low:+.5g} .. {result.bootstrap_high:+.5g}"
    click.echo(f"                     {bootstrap} (bootstrap, 10,000 resamples)")
    if result.significant:
        click.echo(f"the difference is more than seed noise: p < {1 - confidence:.3g}")
    else:
        click.echo(
            f"the difference may be seed noise: p >= {1 - confidence:.3g}; "
            "more seeds would tell, if there is one to be told"
        )


def _side(workspace: Workspace, text: str) -> list[Run]:
    from ailab.experiment.seeds import SeedGroup, group_key, independent
    from ailab.experiment.workspace import NoSuchRun

    try:
        run = workspace.run(text)
    except (NoSuchRun, FileNotFoundError) as error:
        if not any(c in text for c in "<>=()\"' "):
            raise click.UsageError(str(error)) from None
        found = workspace.runs(text)
        if not found:
            raise click.UsageError(f"no run fits {text!r}") from None
        return independent(found)
    key = group_key(run)
    group = [other for other in workspace.runs() if other.experiment == run.experiment and group_key(other) == key]
    return SeedGroup(run.experiment, key, group).counted


def _values(runs: list[Run], metric: str, take: str, subject: Any) -> list[float]:
    values = [subject(run).reduce(metric, take) for run in runs]
    return [value for value in values if value is not None and math.isfinite(value)]
