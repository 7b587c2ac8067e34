"""What the commands that read runs share: which workspace, which runs, and how errors end them.

Exit codes of every command: 0 done; 1 it could not be done, or the answer is no (``diff`` and ``code`` found
differences, ``doctor`` problems, ``reproduce`` a divergence); 2 the command line is wrong (an unknown option, run or
name in a filter).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from ailab.experiment.recorded import Run
    from ailab.experiment.workspace import Workspace

__all__ = ["RUN", "find_runs", "json_option", "open_workspace", "reading", "workspace_option"]

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

workspace_option = click.option(
    "-w",
    "--workspace",
    type=click.Path(path_type=Path),
    help="The folder of all experiments.  [default: AILAB_WORKSPACE, else ./checkpoints, else ./ if it holds runs]",
)


class _RunType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4 only
    """A run's id, experiment/id, a part of the id that only one has, a folder, or ``last``."""

    name = "run"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from ailab.experiment.record.layout import discover

        try:
            folder = _choose(ctx.params.get("workspace"))
        except click.UsageError:
            return []
        paths = sorted(discover(folder), key=lambda path: path.name, reverse=True)
        found = [path for path in paths if path.name.startswith(incomplete)]
        return [CompletionItem(path.name, help=path.parent.name) for path in found[:100]]


RUN = _RunType()


def open_workspace(folder: Path | None) -> Workspace:
    """The workspace that ``-w``, the environment or the current folder names.

    Raises:
        click.UsageError: none is known, or it is not there.
    """
    from ailab.experiment.workspace import Workspace

    try:
        return Workspace(_choose(folder))
    except FileNotFoundError as error:
        raise click.UsageError(str(error)) from None


def _choose(folder: Path | None) -> Path:
    if folder is not None:
        return folder
    if named := os.environ.get("AILAB_WORKSPACE"):
        return Path(named).expanduser()
    from ailab.experiment.record.layout import discover

    if (here := Path("checkpoints")).is_dir():
        return here
    if next(discover(Path()), None) is not None:
        return Path()
    raise click.UsageError("no workspace is known: give -w FOLDER, or set AILAB_WORKSPACE")


def find_runs(workspace: Workspace, references: Sequence[str]) -> list[Run]:
    """The runs that are meant, each once, in the order given.

    Raises:
        click.UsageError: one of them is not there, or not clear.
    """
    from ailab.experiment.workspace import NoSuchRun

    found: dict[Path, Run] = {}
    for reference in references:
        try:
            run = workspace.run(reference)
        except (NoSuchRun, FileNotFoundError) as error:
            raise click.UsageError(str(error)) from None
        found[run.path] = run
    return list(found.values())


@contextmanager
def errors() -> Iterator[None]:
    """Within the block, what the library raises for bad input and refused files ends the command with a message."""
    from ailab.experiment.filters import FilterError
    from ailab.experiment.recorded import NoSuchMetric

    try:
        yield
    except (FilterError, NoSuchMetric) as error:
        raise click.UsageError(str(error)) from None
    except BrokenPipeError:
        raise
    except (OSError, ModuleNotFoundError) as error:
        raise click.ClickException(str(error)) from None


def reading(command: Callable[..., Any]) -> Callable[..., Any]:
    """For commands: adds ``-w`` and ``--json``, and turns the library's errors into messages."""

    @functools.wraps(command)
    def run(*arguments: Any, workspace: Path | None, **options: Any) -> Any:
        with errors():
            return command(*arguments, workspace=open_workspace(workspace), **options)

    return workspace_option(json_option(run))
