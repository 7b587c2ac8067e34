"""All runs of a workspace: ``from ailab.experiment import Workspace``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from ailab.errors import shown
from ailab.experiment.choosing import Order, choose
from ailab.experiment.filter_subject import FIELDS, RunSubject
from ailab.experiment.filters import Filter
from ailab.experiment.record.layout import discover
from ailab.experiment.recorded import Run
from ailab.experiment.settings import flatten
from ailab.experiment.waiting import each

__all__ = ["NoSuchRun", "Workspace"]


_Result = TypeVar("_Result")


class NoSuchRun(LookupError):
    """No run, or more than one, is meant by what was given."""


class Workspace:
    """The folder that runs are written to, ``<workspace>/<experiment>/<run id>/``, read without any server.

    Args:
        folder: the workspace.

    Raises:
        FileNotFoundError: there is no such folder.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.path = Path(folder).expanduser().absolute()
        if not self.path.is_dir():
            raise FileNotFoundError(f"there is no workspace at {self.path}")

    def __repr__(self) -> str:
        return f"Workspace({str(self.path)!r})"

    def __iter__(self) -> Iterator[Run]:
        """Every run, oldest first within its experiment."""
        for path in discover(self.path):
            yield Run.at(path)

    def runs(self, filter: str = "", *, sort: str = "", reverse: bool = False, limit: int | None = None) -> list[Run]:
        """The runs that pass a filter, newest first if not sorted otherwise.

        Args:
            filter: such as ``"loss < 0.3 and train.batch_size == 64"``; docs/cli.md has the language.
            sort: an expression of the same language; the smallest first, runs without a value last.
            reverse: the largest first.
            limit: at most so many.

        Raises:
            FilterError: a ValueError that says where and what is known.
        """
        orders = [Order(f"{'-' if reverse else ''}{sort}")] if sort else []
        oldest_first = reverse and not sort
        found = choose(list(self), RunSubject, Filter(filter), orders, _age, oldest_first, each)
        return found if limit is None else found[:limit]

    def map(self, function: Callable[[Run], _Result], filter: str = "", **options: Any) -> Iterator[_Result]:
        """``function`` of each run, in order: ``for values in ws.map(lambda run: run.values("loss"), "epochs > 3")``.

        Over a slow share it is called for many runs at a time, in threads, some runs ahead of whoever takes the
        results; otherwise for one after the other. What it raises is raised in its run's turn.

        Args:
            function: called with each `Run`.
            filter, options: as for `runs`.
        """
        return each(self.runs(filter, **options), function)

    def run(self, reference: str | os.PathLike[str]) -> Run:
        """One run, by its id, ``experiment/id``, a beginning or an ending of the id that only one has, its folder, or
        ``last`` for the newest.

        Raises:
            NoSuchRun: none is meant, or several are.
        """
        text = os.fspath(reference)
        if not isinstance(text, str) or not text:
            raise NoSuchRun(f"a run is named by its id or folder, got {shown(text)}")
        if os.sep in text and (Path(text) / "run.json").is_file():
            return Run(text)
        paths = list(discover(self.path))
        if not paths:
            raise NoSuchRun(f"the workspace {self.path} holds no runs")
        if text == "last":
            runs = [Run.at(path) for path in paths]
            return max(zip(each(runs, _age), runs, strict=True), key=lambda pair: pair[0])[1]
        experiment, _, id = text.rpartition("/")
        paths = [path for path in paths if not experiment or path.parent.name == experiment]
        for fits in (str.__eq__, str.startswith, str.endswith):
            found = [path for path in paths if fits(path.name, id)]
            if len(found) == 1:
                return Run.at(found[0])
            if found:
                some = ", ".join(f"{path.parent.name}/{path.name}" for path in found[:5])
                more = f" and {len(found) - 5} more" if len(found) > 5 else ""
                raise NoSuchRun(f"{text!r} is the name of several runs: {some}{more}; type more of it")
        if (Path(text) / "run.json").is_file():
            return Run(text)
        raise NoSuchRun(f"the workspace {self.path} has no run {text!r}; 'ailab list' shows which there are")

    def frame(self, filter: str = "", *, sort: str = "", reverse: bool = False, limit: int | None = None) -> Any:
        """A pandas DataFrame with a row for each run, indexed by ``experiment/id``.

        Its columns: state, created, duration (seconds), tags, ``metric.NAME`` (last values) and ``config.PATH``.
        Arguments as for `runs`.

        Raises:
            ModuleNotFoundError: pandas is not installed; `rows` gives the same as plain dicts.
        """
        try:
            import pandas
        except ModuleNotFoundError as error:
            if error.name != "pandas":
                raise
            raise ModuleNotFoundError(
                "Workspace.frame needs pandas: pip install pandas (Workspace.rows needs nothing)", name="pandas"
            ) from None
        rows = self.rows(filter, sort=sort, reverse=reverse, limit=limit)
        index = pandas.Index([f"{one['experiment']}/{one['id']}" for one in rows], name="run")
        frame = pandas.DataFrame(rows, index=index)
        for column in ("created", "finished"):
            if column in frame:
                frame[column] = pandas.to_datetime(frame[column], unit="s", utc=True)
        return frame

    def rows(self, filter: str = "", *, sort: str = "", reverse: bool = False, limit: int | None = None) -> list[Any]:
        """What `frame` holds as a dict for each run; times are seconds since the epoch."""
        return list(self.map(row, filter, sort=sort, reverse=reverse, limit=limit))


def row(run: Run) -> dict[str, Any]:
    """A run as a flat dict: facts, ``metric.NAME`` and ``config.PATH``."""
    facts = (
        "id",
        "experiment",
        "state",
        "created",
        "finished",
        "duration",
        "progress",
        "host",
        "user",
        "tags",
        "notes",
    )
    found: dict[str, Any] = {}
    for name in facts:
        value = FIELDS[name](run)
        found[name] = float(value) if isinstance(value, float) else value
    found |= {f"metric.{name}": value for name, value in run.lasts().items()}
    return found | {f"config.{path}": value for path, value in flatten(run.config).items()}


def _age(run: Run) -> tuple[float, str]:
    return run.created or 0.0, run.id
