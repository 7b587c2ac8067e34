"""A run in progress: one training, its folder, and what it logs."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ailab import __version__, current
from ailab.experiment import environment
from ailab.experiment.capture import OutputCapture
from ailab.experiment.encode import to_jsonable
from ailab.experiment.images import as_png
from ailab.experiment.info import InfoFile
from ailab.experiment.names import check_file_name, check_metric_name
from ailab.experiment.record.append import AppendFile
from ailab.experiment.record.eta import EtaEstimator
from ailab.experiment.record.files import replace_file
from ailab.experiment.record.layout import SCHEMA, RunFolder, create_run_folder
from ailab.experiment.record.writer import RecordWriter
from ailab.experiment.snapshot import take_snapshot
from ailab.experiment.values import as_float, as_progress, as_step
from ailab.experiment.watch import watch

if TYPE_CHECKING:
    import pluggy

    from ailab.experiment.config import Config

__all__ = ["Run", "prepare_folder"]

_logger = logging.getLogger("ailab")


def prepare_folder(config: Config, workspace: Path, plugins: pluggy.PluginManager) -> RunFolder:
    """Make a new run's folder with its ``config.json``.

    Args:
        config: what is written.
        workspace: the folder of all experiments; made if missing.
        plugins: the manager whose ``ailab_config_encode`` is asked.

    Raises:
        ValueError: ``train.experiment_name`` cannot be a folder's name.
        OSError: the folder or the file cannot be made; nothing of it is left then.
    """
    encode = plugins.hook.ailab_config_encode
    name = check_file_name("config.train.experiment_name", config.train.experiment_name)
    written = to_jsonable(config.to_dict(), lambda value: encode(value=value))
    content = json.dumps(written, indent=2, allow_nan=False)
    try:
        folder = create_run_folder(workspace.absolute(), name)
        try:
            replace_file(folder.config, content.encode())
        except OSError:
            shutil.rmtree(folder.path, ignore_errors=True)
            raise
    except OSError as error:
        # The same type and errno, with what was being done.
        raise type(error)(error.errno, f"cannot make a run in the workspace {workspace}: {error.strerror}") from error
    return folder


class Run:
    """Made by ``log.setup``; the functions of ``ailab.experiment.logging`` act on the one in progress.

    Bad arguments raise. What the file system does never does: it is reported once for each kind of problem, and logging
    goes on and recovers when it can.

    Args:
        config: written to ``config.json`` and frozen.
        folder: from `prepare_folder`.
        plugins: the manager whose logging hooks are called.
        source: the folder whose code is kept in ``src/``; None keeps none.
        capture: whether stdout and stderr are copied to ``output.log``.

    Raises:
        OSError: the run's folder cannot be written to.
    """

    def __init__(
        self,
        config: Config,
        folder: RunFolder,
        plugins: pluggy.PluginManager,
        source: Path | None = None,
        capture: bool = True,
    ) -> None:
        self.config = config
        self.folder = folder
        self.path = folder.path
        self.workspace = folder.path.parent.parent
        self.state = "running"
        self._plugins = plugins
        self._reported: set[str] = set()
        self._advised = False
        self._eta = EtaEstimator()
        self._image_steps: dict[str, int] = {}
        self._images_lost = 0
        self._names: set[str] = set()
        self._owner = os.getpid()
        self._writer: RecordWriter | None = None
        facts = {
            "schema": SCHEMA,
            "id": self.path.name,
            "experiment": self.path.parent.name,
            "created": time.time(),
            "ailab": __version__,
            **environment.process_facts(),
        }
        self._output = AppendFile(self.folder.output, self._problem)
        self.output = OutputCapture(self._output.write)
        self._info = InfoFile(self.folder.info, facts, self._problem)
        self._log("status", state="running")
        if source is not None:
            self._keep_source(source)
        self._info.complete(source or Path.cwd())
        config.freeze()
        self._stop_watching = watch(self)
        self._stop_datasets = current.on_dataset(self._info.add_dataset)
        self._stop_waiting = current.on_waiting(self._waited)
        # Asked once: a hook that nobody implements costs a logged value nothing.
        self._on_value = plugins.hook.ailab_value_logged if plugins.hook.ailab_value_logged.get_hookimpls() else None
        if capture:
            self.output.start()
        self._notify(plugins.hook.ailab_run_started, run=self)

    # --- logging ---

    def log_value(self, name: str, value: Any, *, step: int | None = None, primary: bool = False) -> None:
        """As ``ailab.experiment.logging.log_value``."""
        if type(name) is not str or name not in self._names:  # each name is looked at once: it takes microseconds
            self._names.add(check_metric_name("name", name))
        number = as_float("value", value, self._to_float)
        step = as_step("step", step)
        step, now = self._record().scalar(name, number, step, bool(primary))
        if self._on_value is not None:
            self._notify(self._on_value, run=self, name=name, value=number, step=step, time=now, primary=bool(primary))

    def log_image(self, name: str, data: Any = None, *, step: int | None = None) -> None:
        """As ``ailab.experiment.logging.log_image``."""
        check_file_name("name", name)
        step = as_step("step", step)
        if step is None:
            step = self._image_steps.get(name, -1) + 1
        png = as_png(data, lambda value: self._plugins.hook.ailab_to_image(value=value))
        self._image_steps[name] = step
        newest, dated = self.folder.images / f"{name}.png", self.folder.images / f"{name}@{step}.png"
        try:
            replace_file(dated, png)
            replace_file(newest, png)
        except OSError as error:
            self._images_lost += 1
            self._problem(f"cannot write the image {newest}, which is lost", error)
            return
        self._log("image", name=name, step=step, file=dated.name)
        self._notify(self._plugins.hook.ailab_image_logged, run=self, name=name, path=str(newest), step=step)

    def update_progress(self, value: float) -> None:
        """As ``ailab.experiment.logging.update_progress``."""
        progress = as_progress("value", value)
        self._eta.add(time.monotonic(), progress)
        self._record().progress(progress)
        self._notify(
            self._plugins.hook.ailab_progress_updated, run=self, value=progress, eta_seconds=self._eta.remaining()
        )

    def finish(self, state: str = "finished", error: str | None = None, traceback: str | None = None) -> None:
        """End the run: finished, failed (with one line of ``error`` and a ``traceback``) or killed.

        Later calls do nothing.
        """
        if state not in ("finished", "failed", "killed"):
            raise ValueError(f"state must be 'finished', 'failed' or 'killed', got {state!r}")
        if self.state != "running" or os.getpid() != self._owner:
            return
        self.state = state
        self._stop_watching()
        self._stop_datasets()
        self._stop_waiting()
        self._notify(self._plugins.hook.ailab_run_finished, run=self, state=state, error=error)
        self.output.stop()
        self._output.close()
        self._info.close()
        if self._images_lost:
            self._warn(f"{self._images_lost} images were lost: the workspace did not take them")
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

    # --- inside ---

    def forked(self) -> None:
        """Called in a forked child: it gets stream files of its own when it first logs, and does not end the run."""
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
        self._output.abandon()
        self._stop_datasets()
        self._info.abandon()

    def _record(self) -> RecordWriter:
        if self._writer is None:
            self._writer = RecordWriter(self.folder, self._problem)
        return self._writer

    def _log(self, type: str, **fields: Any) -> None:
        self._record().event(type, **fields)

    def _to_float(self, value: object) -> float | None:
        found: float | None = self._plugins.hook.ailab_to_float(value=value)
        return found

    def _keep_source(self, source: Path) -> None:
        try:
            snapshot = take_snapshot(source, self.folder.source, self.workspace)
        except OSError as error:
            self._problem(f"cannot keep the code of {source}", error)
            return
        if snapshot.left_out:
            named = ", ".join(snapshot.left_out[:5]) + (
                f" and {len(snapshot.left_out) - 5} more" if len(snapshot.left_out) > 5 else ""
            )
            self._warn(f"not kept in the run's src/: {named}")

    def _waited(self, fraction: float, advice: str | None) -> None:
        """An epoch is over."""
        self.log_value("data/wait_fraction", fraction)
        if advice is not None and not self._advised:
            self._advised = True  # once: every epoch says much the same
            self._warn(advice)

    def _problem(self, what: str, error: OSError) -> None:
        """Report what the file system refused: once for each kind, or a full disk would fill the screen too."""
        kind = f"{what}: {error.strerror or error}"
        if kind not in self._reported:
            self._reported.add(kind)
            _logger.warning("run %s: %s; logging goes on and tries again", self.path, kind)

    def _warn(self, message: str) -> None:
        _logger.warning("run %s: %s", self.path, message)
        self._log("warning", message=message)

    def _notify(self, hook: Callable[..., Any], **arguments: Any) -> None:
        try:
            hook(**arguments)
        except Exception as error:  # noqa: BLE001 - a plugin's failure must not end a training
            name = getattr(hook, "name", "hook")
            if name not in self._reported:
                self._reported.add(name)
                _logger.warning(
                    "run %s: a plugin failed in %s: %r; it is called again, and not reported again",
                    self.path,
                    name,
                    error,
                )
