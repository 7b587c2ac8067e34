"""trackio."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from serving.contenders.base import Contender, Got, Http
from serving.workspaces import Shape

__all__ = ["Trackio"]

_PAGE = 64
"""Runs that one request for series may name."""


class Trackio(Contender):
    """Asked as its page "Metrics" does: the runs of a project, then the logs of 64 runs a request, of all metrics."""

    name = "trackio"
    package = "trackio"
    most = 3000

    def environment(self, folder: Path) -> dict[str, str]:
        """It finds its folder by a variable."""
        return {**super().environment(folder), "TRACKIO_DIR": str(folder)}

    def command(self, folder: Path, port: int) -> list[str]:
        """`trackio show` without opening a browser, on a given port, and with a mark once it has told its address.

        Before that it asks itself whether it answers, and gives up when a question of ours keeps it too long.
        """
        self._ready = folder.parent / "ready"
        self._ready.unlink(missing_ok=True)
        show = f"trackio.show(open_browser=False, server_port={port}, block_thread=False)"
        mark = f"pathlib.Path({str(self._ready)!r}).touch()"
        return [self.python, "-c", f"import pathlib, threading, trackio; {show}; {mark}; threading.Event().wait()"]

    def greet(self, http: Http) -> None:
        """Nothing, but not too early."""
        if not self._ready.exists():
            raise OSError("it does not listen yet")

    def runs(self, http: Http, shape: Shape) -> list[str]:
        """All at once."""
        body = http.ask("POST", "/api/get_runs_for_project", {"project": "bench"})
        self._names = {run["id"]: run["name"] for run in json.loads(body)["data"]}
        return list(self._names)

    def series(self, http: Http, runs: Sequence[str], metrics: Sequence[str]) -> dict[tuple[str, str], Got]:
        """An answer has all metrics of its runs; a run by its name alone would be looked for in all rows."""
        found = {}
        for start in range(0, len(runs), _PAGE):
            asked = [{"run": self._names[run], "run_id": run} for run in runs[start : start + _PAGE]]
            body = http.ask("POST", "/api/get_logs_batch", {"project": "bench", "runs": asked, "scalar_only": True})
            for one in json.loads(body)["data"]:
                for metric in metrics:
                    steps = [line["step"] for line in one["logs"] if line.get(metric) is not None]
                    if steps:
                        found[one["run_id"], metric] = Got(len(steps), steps[-1])
        return found
