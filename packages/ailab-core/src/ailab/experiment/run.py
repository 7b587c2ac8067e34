"""A run in progress: one training, its folder, and what it logs."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from ailab import current
from ailab.experiment.background import Background
from ailab.experiment.capture import OutputCapture
from ailab.experiment.config import changed_inside
from ailab.experiment.edits import check_tags
from ailab.experiment.media import Media
from ailab.experiment.metrics import Metrics
from ailab.experiment.progress import Loops, Progress
from ailab.experiment.provenance import Provenance
from ailab.experiment.record.append import AppendFile
from ailab.experiment.record.eta import EtaEstimator
from ailab.experiment.record.writer import RecordWriter
from ailab.experiment.reports import Reports
from ailab.experiment.values import as_progress
from ailab.experiment.watch import how_it_ended, watch

if TYPE_CHECKING:
    import tempfile

    import pluggy

    from ailab.experiment.config import Config
    from ailab.experiment.opening import Opening

__all__ = ["ActiveRun"]

_logger = logging.getLogger("ailab")

T = TypeVar("T")

_DRAIN_SECONDS = {"finished": 300.0, "failed": 300.0, "killed": 10.0}
"""How long the end of a run waits for images and files; whoever sends SIGTERM soon sends SIGKILL."""
_PATIENCE_SECONDS = 5.0


class ActiveRun(Metrics, Media):
    """A run in progress, made by ``ailab.experiment.start`` or ``log.setup``; a context manager that ends the run.

    Bad arguments raise. What the file system does never does: it is reported once for each kind of problem, and logging
    goes on and recovers when it can.

    Args:
        config: every parameter; frozen from now on.
        opening: the run's folder; None logs nothing anywhere (every argument is still checked).
        plugins: the manager whose logging hooks are called.
        source: the folder whose code is kept; None keeps none.
        capture: whether stdout and stderr are copied to ``output.log``.
        system_seconds: how often the machine's state is logged; None never.
        name, tags, notes: for people.

    Raises:
        OSError: the run's folder cannot be written to.
    """

    def __init__(
        self,
        config: Config,
        opening: Opening | None,
        plugins: pluggy.PluginManager,
        source: Path | None = None,
        capture: bool = True,
        system_seconds: float | None = None,
        name: str | None = None,
        tags: tuple[str, ...] = (),
        notes: str = "",
    ) -> None:
        Metrics.__init__(self, plugins)
        Media.__init__(self, plugins, None if opening is None else opening.folder)
        self.config = config
        self.state = "running"
        self.experiment = str(config.train.experiment_name) if opening is None else opening.folder.path.parent.name
        self._reports = Reports(self.id, self._log)
        self._problem, self._warn, self._notify = self._reports.problem, self._reports.warn, self._reports.notify
        self._advised = False
        self._eta = EtaEstimator()
        self._loops = Loops(self.update_progress)
        self._owner = os.getpid()
        self._writer: RecordWriter | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._background = Background(self._job_failed)
        self._output: AppendFile | None = None
        self._provenance: Provenance | None = None
        self._sampler: Any = None
        self._rank = None if opening is None else opening.rank
        self._steps = {} if opening is None else dict(opening.steps)
        self._image_steps = {} if opening is None else dict(opening.image_steps)
        self._leads = opening is not None and opening.leader
        self._written = {} if opening is None else opening.written
        earlier = opening.info if opening is not None else {}
        self._name = name or (earlier.get("name") if isinstance(earlier.get("name"), str) else None)
        self._tags = tags or (() if opening is None else opening.tags)
        self._notes = notes or ("" if opening is None else opening.notes)
        write: Callable[[bytes], None] = _nowhere
        if opening is not None and self._leads:
            self._output = AppendFile(opening.folder.output, self._problem, resume=opening.segment > 1)
            write = self._output.write
        self.output = OutputCapture(write)
        if opening is not None and self._leads:
            self._begin(opening, source, tags, notes)
        config.freeze()
        self._stop_watching = watch(self)
        self._stop_datasets = current.on_dataset(self._provenance.add_dataset) if self._provenance else _nothing
        self._stop_waiting = current.on_waiting(self._waited)
        if capture and self._leads:
            self.output.start()
        if system_seconds is not None and opening is not None and opening.system is not None:
            from ailab.experiment.system.sampler import Sampler

            self._sampler = Sampler(opening.folder, self._problem, system_seconds, opening.system)
        for message in () if opening is None else opening.warnings:
            self._warn(message)
        self._notify(plugins.hook.ailab_run_started, run=self)

    def _begin(self, opening: Opening, source: Path | None, tags: tuple[str, ...], notes: str) -> None:
        self._provenance = Provenance(opening, self._name, self._reports, self._background.put)
        if self._output is not None:
            self._record().also_sync(self._output)
        self._log("status", state="running", segment=opening.segment)
        if tags:
            self._log("tags", tags=list(self._tags))
        if notes:
            self._log("notes", text=self._notes)
        self._provenance.look(source or Path.cwd(), code=source is not None)

    # --- logging ---

    def update_progress(self, value: float) -> None:
        """As ``ailab.experiment.logging.update_progress``."""
        progress = as_progress("value", value)
        self._require_running()
        self._eta.add(time.monotonic(), progress)
        if self.folder is not None:
            self._record().progress(progress)
        self._notify(
            self._plugins.hook.ailab_progress_updated, run=self, value=progress, eta_seconds=self._eta.remaining()
        )

    def progress(self, items: Iterable[T], *, total: int | None = None) -> Progress[T]:
        """As ``ailab.experiment.logging.progress``."""
        return Progress(items, self._loops, total)

    # --- for people ---

    @property
    def id(self) -> str:
        """The name of the run's folder; empty where nothing is logged."""
        return "" if self.folder is None else self.folder.path.name

    @property
    def path(self) -> Path:
        """The run's folder, ``checkpoints/`` in it is yours; where nothing is logged one that ends with the process."""
        if self.folder is not None:
            return self.folder.path
        if self._temporary is None:
            import tempfile

            self._temporary = tempfile.TemporaryDirectory(prefix="ailab-disabled-", ignore_cleanup_errors=True)
            (Path(self._temporary.name) / "checkpoints").mkdir()
        return Path(self._temporary.name)

    @property
    def name(self) -> str | None:
        """What people call the run; ``AILAB_NAME``."""
        return self._name

    @property
    def tags(self) -> tuple[str, ...]:
        """Words to find the run by. Assign a list of strings; ``AILAB_TAGS`` (comma-separated) are there already."""
        return self._tags

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self._tags = check_tags(tags)
        self._log("tags", tags=list(self._tags))

    @property
    def notes(self) -> str:
        """Text about the run. Assign a string."""
        return self._notes

    @notes.setter
    def notes(self, notes: str) -> None:
        if not isinstance(notes, str):
            raise TypeError(f"notes must be a string, got {type(notes).__name__}")
        self._notes = notes.encode("utf-8", "replace").decode()
        self._log("notes", text=self._notes)

    # --- the end ---

    def __enter__(self) -> ActiveRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.finish(*how_it_ended(error))

    def finish(self, state: str = "finished", error: str | None = None, traceback: str | None = None) -> None:
        """End the run: finished, failed (with one line of ``error`` and a ``traceback``) or killed.

        Everything that waits is written first. Later calls do nothing.
        """
        if state not in ("finished", "failed", "killed"):
            raise ValueError(f"state must be 'finished', 'failed' or 'killed', got {state!r}")
        if self.state != "running" or os.getpid() != self._owner:
            return
        self.state = state
        self._forget_metrics()
        self._stop_watching()
        self._stop_datasets()
        self._stop_waiting()
        if self._sampler is not None:
            self._sampler.stop()
        self._notify(self._plugins.hook.ailab_run_finished, run=self, state=state, error=error)
        if self._leads and (changed := changed_inside(self.config, self._written)):
            self._warn(f"changed since the run began, and not in its config.json: {', '.join(changed)}")
        self.output.stop()
        self._wait_for_background(_DRAIN_SECONDS[state])
        if self.lost:
            self._warn(f"{self.lost} images, tables or files were lost: the workspace did not take them")
        if self._leads or (self.folder is not None and state == "failed"):
            details = {"error": error, "traceback": traceback} if error is not None or traceback is not None else {}
            self._log("status", state=state, **details)
        if self._writer is not None:
            self._writer.close()
            if self._writer.lost:
                _logger.error(
                    "run %s: %d bytes of values and events were lost: the workspace did not take them",
                    self.path,
                    self._writer.lost,
                )
        if self._temporary is not None:
            self._temporary.cleanup()

    # --- inside ---

    def _wait_for_background(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        if self._provenance is not None:
            self._provenance.close(seconds)
        left = self._background.drain(min(_PATIENCE_SECONDS, max(0.0, end - time.monotonic())))
        if left and time.monotonic() < end:
            _logger.warning("run %s: waiting for %d images or files to be written", self.id, left)
            left = self._background.drain(end - time.monotonic())
        if left:
            _logger.error("run %s: %d images or files were not written in time and are lost", self.id, left)

    def forked(self) -> None:
        """Called in a forked child: it gets stream files of its own when it first logs, and does not end the run."""
        self._forget_metrics()
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
        if self._output is not None:
            self._output.abandon()
        self._stop_datasets()
        if self._provenance is not None:
            self._provenance.abandon()
        if self._sampler is not None:
            self._sampler.abandon()
        self._background = Background(self._job_failed)

    def _require_running(self) -> None:
        if self.state != "running":
            raise RuntimeError(f"the run {self.id} is {self.state}: nothing can be logged to it any more")

    def _record(self) -> RecordWriter:
        if self._writer is None:
            assert self.folder is not None
            self._writer = RecordWriter(self.folder, self._problem, steps=self._steps, rank=self._rank)
        return self._writer

    def _log(self, type: str, **fields: Any) -> None:
        if self.folder is not None:
            self._record().event(type, **fields)

    def _waited(self, fraction: float, advice: str | None) -> None:
        """An epoch is over."""
        self.log_value("data/wait_fraction", fraction)
        if advice is not None and not self._advised:
            self._advised = True  # once: every epoch says much the same
            self._warn(advice)

    def _job_failed(self, error: Exception) -> None:
        self.lost += 1
        if isinstance(error, OSError):
            self._problem("an image, table or file was not written and is lost", error)
        else:
            self._warn(f"an image, table or file could not be made and is lost: {error!r}")


def _nowhere(data: bytes) -> None:
    """Where output goes that nobody keeps."""


def _nothing() -> None:
    """What is stopped where nothing was started."""
