"""``ailab config``: a run's configuration, for a paper or another program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from ailab.cli.common import RUN, find_runs, reading
from ailab.cli.output import print_json, print_table, show_value, strict

if TYPE_CHECKING:
    from ailab.experiment.workspace import Workspace

__all__ = ["config"]


@click.command()
@click.argument("runs", nargs=-1, required=True, type=RUN)
@click.option(
    "--format", "form", type=click.Choice(["latex", "markdown", "yaml", "json"]), help="[default: a plain table]"
)
@click.option("--diff", "only_differing", is_flag=True, help="Only what differs among RUNS.")
@click.option("--only", multiple=True, metavar="PATH", help="Only this path and what is below it; may be repeated.")
@reading
def config(
    workspace: Workspace,
    runs: tuple[str, ...],
    form: str | None,
    only_differing: bool,
    only: tuple[str, ...],
    as_json: bool,
) -> None:
    """Print the configuration of RUNS: ailab config RUN RUN --diff --format latex

    As YAML or JSON a single run's configuration is nested as it was recorded; several, and with --diff or --only also
    one, are a mapping of path to value for each run.
    """
    from ailab.experiment.config_text import as_latex, as_markdown, as_yaml, config_table
    from ailab.experiment.difference import ABSENT

    found = find_runs(workspace, runs)
    if only_differing and len(found) < 2:
        raise click.UsageError("--diff needs at least two runs")
    form = "json" if as_json else form
    table = config_table([run.config for run in found], only_differing)
    if only:
        table = {
            path: values for path, values in table.items()
            if any(path == chosen or path.startswith(f"{chosen}.") for chosen in only)
        }  # fmt: skip
        if not table and not only_differing:
            raise click.UsageError(f"nothing is set at or below {', '.join(only)}")
    names = [run.id for run in found]
    if form in ("json", "yaml"):
        content: object = found[0].config
        if len(found) > 1 or only:
            content = {
                name: {path: values[i] for path, values in table.items() if values[i] is not ABSENT}
                for i, name in enumerate(names)
            }
        if form == "json":
            print_json(content)
        else:
            click.echo(as_yaml(json.loads(json.dumps(strict(content)))))
    elif form == "latex":
        click.echo(as_latex(table, names))
    elif form == "markdown":
        click.echo(as_markdown(table, names))
    else:
        rows = [
            {"": path} | {name: "-" if v is ABSENT else show_value(v) for name, v in zip(names, values, strict=True)}
            for path, values in table.items()
        ]
        print_table(rows, ["", *names])
