"""What a run logs besides numbers: images, texts, tables, histograms, files. Written in the background."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ailab.errors import shown
from ailab.experiment.background import Background
from ailab.experiment.names import check_file_name, check_metric_name
from ailab.experiment.record.files import replace_file
from ailab.experiment.record.layout import RunFolder
from ailab.experiment.values import as_step

if TYPE_CHECKING:
    import pluggy

__all__ = ["Media"]

_LONGEST_INLINE = 16 << 10
"""Characters of a text that go into the event itself; a longer one gets a file."""


class Media:
    """The part of `ActiveRun` that hands work to its `Background`.

    Attributes:
        folder: the run's; None where nothing is logged.
        lost: how many images, tables and files were not written.
    """

    _background: Background
    _log: Callable[..., None]
    _warn: Callable[[str], None]
    _notify: Callable[..., None]
    _require_running: Callable[[], None]
    _image_steps: dict[str, int]

    def __init__(self, plugins: pluggy.PluginManager, folder: RunFolder | None) -> None:
        self.folder = folder
        self.lost = 0
        self._plugins = plugins
        self._media_steps: dict[tuple[str, str], int] = {}

    def log_image(self, name: str, data: Any = None, *, step: int | None = None, caption: str | None = None) -> None:
        """As ``ailab.experiment.logging.log_image``."""
        check_file_name("name", name)
        step = as_step("step", step)
        if caption is not None and not isinstance(caption, str):
            raise TypeError(f"caption must be a string or None, got {shown(caption)}")
        from ailab.experiment.images import png_encoder

        encode, size = png_encoder(data, lambda value: self._plugins.hook.ailab_to_image(value=value))
        self._require_running()
        if step is None:
            step = self._image_steps.get(name, -1) + 1
        self._image_steps[name] = step
        folder, chosen = self.folder, step
        if folder is None:
            return

        def write() -> None:
            png = encode()
            newest, dated = folder.images / f"{name}.png", folder.images / f"{name}@{chosen}.png"
            replace_file(dated, png)
            replace_file(newest, png)
            more = {} if caption is None else {"caption": caption.encode("utf-8", "replace").decode()}
            self._log("image", name=name, step=chosen, file=dated.name, **more)
            self._notify(self._plugins.hook.ailab_image_logged, run=self, name=name, path=str(newest), step=chosen)

        self._later(write, size, f"the image {name}")

    def log_text(self, name: str, text: str, *, step: int | None = None) -> None:
        """As ``ailab.experiment.logging.log_text``."""
        check_metric_name("name", name)
        if not isinstance(text, str):
            raise TypeError(f"text must be a string, got {shown(text)}")
        step = self._step("text", name, step)
        clean = text.encode("utf-8", "replace").decode()
        folder = self.folder
        if folder is None:
            return
        if len(clean) <= _LONGEST_INLINE:
            self._log("text", name=name, step=step, text=clean)
            return

        def write() -> None:
            file = folder.texts / f"{name.replace('/', '.')}@{step}.txt"
            folder.texts.mkdir(exist_ok=True)
            replace_file(file, clean.encode())
            self._log("text", name=name, step=step, text=clean[:200], file=file.name, characters=len(clean))

        self._later(write, len(clean), f"the text {name}")

    def log_table(self, name: str, data: Any, *, columns: Sequence[str] | None = None, step: int | None = None) -> None:
        """As ``ailab.experiment.logging.log_table``."""
        from ailab.experiment.artifacts import table

        check_file_name("name", name)
        encode, names, rows = table(data, columns)
        step = self._step("table", name, step)
        folder = self.folder
        if folder is None:
            return

        def write() -> None:
            file = folder.tables / f"{name}@{step}.csv"
            folder.tables.mkdir(exist_ok=True)
            replace_file(file, encode())
            self._log("table", name=name, step=step, file=file.name, columns=names, rows=rows)

        self._later(write, 64 * rows * max(1, len(names)), f"the table {name}")

    def log_histogram(self, name: str, values: Any, *, bins: int = 64, step: int | None = None) -> None:
        """As ``ailab.experiment.logging.log_histogram``."""
        from ailab.experiment.artifacts import histogram

        check_metric_name("name", name)
        count, size = histogram(values, bins)
        step = self._step("histogram", name, step)
        if self.folder is not None:
            self._later(lambda: self._log("histogram", name=name, step=step, **count()), size, f"the histogram {name}")

    def log_file(self, path: str | os.PathLike[str], name: str | None = None, *, step: int | None = None) -> None:
        """As ``ailab.experiment.logging.log_file``."""
        source = Path(path)
        name = check_file_name("name", source.name if name is None else name)
        if not source.is_file():
            raise ValueError(f"path must be that of a file, got {shown(str(path))}")
        step = self._step("file", name, step)
        folder = self.folder
        if folder is None:
            return
        opened = source.open("rb")  # now: it may be deleted as soon as this returns

        def write() -> None:
            with opened:
                folder.files.mkdir(exist_ok=True)
                stem, suffix = Path(name).stem, Path(name).suffix
                file = folder.files / f"{stem}@{step}{suffix}"
                temporary = file.with_name(f".{file.name}.part")
                with temporary.open("wb") as copy:
                    shutil.copyfileobj(opened, copy, 1 << 20)
                    copy.flush()
                    os.fsync(copy.fileno())
                temporary.replace(file)
                self._log("file", name=name, step=step, file=file.name, size=file.stat().st_size)

        if not self._later(write, 0, f"the file {name}"):
            opened.close()

    def _step(self, kind: str, name: str, step: int | None) -> int:
        self._require_running()
        chosen = as_step("step", step)
        if chosen is None:
            chosen = self._media_steps.get((kind, name), -1) + 1
        self._media_steps[kind, name] = chosen
        return chosen

    def _later(self, job: Callable[[], None], size: int, what: str) -> bool:
        if self._background.put(job, size):
            return True
        self.lost += 1
        self._warn(f"{what} is lost: the workspace has taken nothing for seconds, and memory for what waits is full")
        return False
