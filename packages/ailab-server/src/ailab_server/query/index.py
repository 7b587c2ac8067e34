"""Choosing, ordering and paging all runs of a workspace."""

import json
import logging
import threading
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ailab.experiment.choosing import Column, Order, choose
from ailab.experiment.filters import Filter
from ailab.experiment.recorded import Run
from ailab_server.query.cache import FactsCache
from ailab_server.query.facts import Deep, KnownRun, KnownSubject, Reductions
from ailab_server.query.sharing import Sharing
from ailab_server.strict import strict, text
from ailab_server.workspace import Workspace
from ailab_server.workspace.entry import Entry
from ailab_server.workspace.kept import Kept

__all__ = ["Page", "RunIndex"]

_log = logging.getLogger(__name__)


_LONGEST_CELL = 2_000


@dataclass(frozen=True)
class Page:
    """Some of the runs that fit.

    Attributes:
        entries: the runs of this page, in order.
        total: how many fit.
        values: for each of them what it has of each column, as strict JSON.
    """

    entries: list[Entry]
    total: int
    values: list[list[Any]]


class RunIndex:
    """What filters ask of each run, kept as far as it was asked for. Slow the first time: not for the event loop.

    A run that is over is read once; its facts go to a cache on the local disk, so that a restarted server need not read
    them again. Those of a live run come from what follows it.
    """

    def __init__(self, workspace: Workspace, cache: FactsCache | None = None) -> None:
        self._workspace = workspace
        self._cache = cache
        self._cached: dict[str, Kept] | None = None
        self._runs: dict[str, KnownRun] = {}
        self._sharing = Sharing()
        self._lock = threading.RLock()
        self._new: dict[str, KnownRun] = {}
        self._loader = self._load  # one bound method for all runs

    def page(
        self,
        filter: str = "",
        sort: Sequence[str] = (),
        columns: Sequence[str] = (),
        offset: int = 0,
        limit: int | None = None,
    ) -> Page:
        """The runs that pass ``filter``, newest first unless sorted, from ``offset`` on, at most ``limit``.

        Raises:
            FilterError: one of them cannot be understood, or names what no run has; it says where.
        """
        chosen, orders, cells = Filter(filter), [Order(text) for text in sort], [Column(text) for text in columns]
        runs = self._known()
        try:
            found = choose(runs, self._subject, chosen, orders, _age)
            page = found[offset:] if limit is None else found[offset : offset + limit]
            values = [[_cell(column.value(self._subject(run))) for column in cells] for run in page]
            if page:
                for column in cells:
                    column.check_names(lambda: (name for run in runs for name in self._subject(run).names()))
        finally:
            self._save()
        return Page([run.entry for run in page], len(found), values)

    def _known(self) -> list[KnownRun]:
        with self._lock:
            before, self._runs = self._runs, {}
            for id, entry in list(self._workspace.store.entries.items()):
                if not entry.row:
                    continue
                run = before.get(id)
                if run is None or run.entry is not entry:
                    run = KnownRun(entry, self._loader)
                else:
                    run.refresh()
                self._runs[id] = run
            return list(self._runs.values())

    def _subject(self, run: KnownRun) -> KnownSubject:
        return KnownSubject(run, self._reduce)

    def _load(self, run: KnownRun) -> Deep:
        """Read a run's facts, or take them from the cache."""
        entry = run.entry
        # First: what changes meanwhile is read again by whoever asks next.
        revision, signature = entry.revision, entry.signature
        with self._lock:
            if run.held is not None and run.held.revision == revision:
                return run.held
            try:
                deep = self._read(entry, signature, run)
            except Exception:  # noqa: BLE001 - whatever a damaged file makes of a reader is this run's trouble
                _log.exception("the facts of %s cannot be read", entry.path)
                deep = Deep({}, {}, [], "", None, {}, array("d"))
            deep.revision = revision
            run.held = deep
            return deep

    def _read(self, entry: Entry, signature: str, run: KnownRun) -> Deep:
        with entry.lock:
            if entry.reader is not None:
                return Deep.of_reader(entry.reader)
        if self._cached is None:
            self._cached = {} if self._cache is None else self._cache.load()
        kept = self._cached.pop(entry.relative, None)
        if kept is not None and signature and kept.signature == signature:
            deep = Deep.of_bytes(kept.row, self._sharing)
        else:
            deep = Deep.of_files(entry.path, self._sharing)
            self._new[entry.id] = run
        deep.signature = signature
        return deep

    def _reduce(self, run: KnownRun, metric: str) -> Reductions:
        deep = run.deep
        found = deep.reduced.get(metric)
        if found is None:
            entry = run.entry
            try:
                if deep.signature:
                    values = Run.at(Path(entry.path)).values(metric)["value"]
                else:
                    values = self._workspace.values(entry.id, [metric])[metric][2]
            except Exception:  # noqa: BLE001 - as above
                _log.exception("the values of a metric of %s cannot be read", entry.path)
                values = np.empty(0)
            found = deep.reduced[metric] = _reductions(values)
            if deep.signature:
                with self._lock:
                    self._new[entry.id] = run
        return found

    def _save(self) -> None:
        """Keep the facts of runs that are over and were read since."""
        if self._cache is None:
            return
        with self._lock:
            new = [one for run in self._new.values() if (one := _keep(run)) is not None]
            self._new.clear()
            if new:
                everything = (one for run in self._runs.values() if (one := _keep(run)) is not None)
                self._cache.add(new, everything, len(self._runs))


def _keep(run: KnownRun) -> Kept | None:
    deep, entry = run.held, run.entry
    if deep is None or not deep.signature or entry.doubtful:
        return None
    return Kept(entry.relative, deep.signature, run.created, deep.revision, entry.state, entry.task, deep.to_bytes())


def _reductions(values: npt.NDArray[np.float64]) -> Reductions:
    count = len(values)
    first = float(values[0]) if count else np.nan
    values = values[~np.isnan(values)]
    if not len(values):
        return count, first, np.nan, np.nan, np.nan
    with np.errstate(all="ignore"):  # infinities of both signs have no mean
        return count, first, float(values.min()), float(values.max()), float(values.mean())


def _age(run: KnownRun) -> tuple[float, str]:
    return run.created, run.entry.id


def _cell(value: Any) -> Any:
    """A value as strict JSON, and short: a column may name the whole configuration."""
    if isinstance(value, str):
        return text(value, _LONGEST_CELL)
    clean = strict(float(value) if isinstance(value, float) else value)
    if isinstance(clean, list | dict) and len(written := json.dumps(clean)) > _LONGEST_CELL:
        return text(written, _LONGEST_CELL)
    return clean
