"""Where a run comes from, as its leader keeps it: ``run.json``, the code, what git does not know yet."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ailab import __version__
from ailab.experiment import environment
from ailab.experiment.info import InfoFile
from ailab.experiment.record.files import replace_file
from ailab.experiment.record.layout import SCHEMA

if TYPE_CHECKING:
    from ailab.experiment.opening import Opening
    from ailab.experiment.reports import Reports

__all__ = ["Provenance"]

_MOST_LINKED = 1000
"""Files of code up to which `src/` is made as a plain folder for every run."""


_FOUND_OUT = ("packages", "git", "cuda")
"""What `look` adds to run.json."""


class Provenance:
    """Writes a run's ``run.json``, with what is known at once; `look` finds out the rest.

    Args:
        opening: the run's folder and its earlier segments.
        name: what people call it.
        reports: told of what cannot be kept.
        later: has a function called soon, in another thread.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(
        self,
        opening: Opening,
        name: str | None,
        reports: Reports,
        later: Callable[[Callable[[], None]], object],
    ) -> None:
        self._folder = opening.folder
        self._segment = opening.segment
        self._reports = reports
        self._code: threading.Thread | None = None
        process = environment.process_facts()
        now = time.time()
        before = dict(opening.info)
        earlier = before.get("segments")
        if not isinstance(earlier, list):
            earlier = [{key: before.get(key) for key in ("created", *process)}] if before else []
        if earlier and isinstance(earlier[-1], dict):
            # Found out anew below; what it was is kept with the segment that it was found out in.
            earlier = [*earlier[:-1], earlier[-1] | {key: before.pop(key) for key in _FOUND_OUT if key in before}]
        facts = {
            **before,
            "schema": SCHEMA,
            "id": self._folder.path.name,
            "experiment": self._folder.path.parent.name,
            "created": before.get("created", now),
            "ailab": __version__,
            "name": name,
            **process,
            "ranks": opening.ranks,
            "segments": [*earlier, {"created": now, **process}],
        }
        self._info = InfoFile(self._folder.info, facts, reports.problem, later)
        self.add_dataset = self._info.add_dataset

    def look(self, folder: Path, code: bool) -> None:
        """Add, in the background, the packages, git and CUDA of ``folder``; and keep the ``code`` in it."""
        self._info.complete(lambda: self._look_around(folder))
        if code:
            self._code = threading.Thread(target=self._keep_code, args=(folder,), name="ailab-code", daemon=True)
            self._code.start()

    def close(self, seconds: float) -> None:
        """Note that the run ends now; wait until all is found out, at most so long."""
        end = time.monotonic() + seconds
        if self._code is not None:
            self._code.join(timeout=seconds)
        self._info.close(max(0.0, end - time.monotonic()))
        self._info.add(ended=time.time())

    def abandon(self) -> None:
        """In a forked child: leave the file to the parent, its one writer."""
        self._info.abandon()

    def _look_around(self, folder: Path) -> dict[str, Any]:
        git = environment.git_state(folder)
        if git is not None and git["dirty"]:
            file = self._folder.path / ("diff.patch" if self._segment == 1 else f"diff.{self._segment}.patch")
            try:
                diff = environment.git_diff(folder)
                if diff is not None:
                    replace_file(file, diff)
                    git["diff"] = file.name
                else:
                    self._reports.warn("what is changed against git's commit is too much to be kept")
            except OSError as error:
                self._reports.problem("cannot keep what is changed against git's commit", error)
        return {"packages": environment.packages(), "git": git, "cuda": environment.cuda()}

    def _keep_code(self, folder: Path) -> None:
        from ailab.experiment.code.keep import keep_source

        try:
            left_out = keep_source(folder, self._folder, self._segment, _MOST_LINKED)
        except OSError as error:
            self._reports.problem(f"cannot keep the code of {folder}", error)
            return
        if left_out:
            named = ", ".join(left_out[:5]) + (f" and {len(left_out) - 5} more" if len(left_out) > 5 else "")
            self._reports.warn(f"not kept in the run's src/: {named}")
