"""AI Lab's server."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from serving import workspaces
from serving.contenders.base import Contender, Got, Http
from serving.environment import ours
from serving.workspaces import Shape, make_workspace
from serving.writers.values import values

__all__ = ["Ours"]

_PASSWORD = "correct horse battery staple"


def _values(number: int, points: int, metrics: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """What the peers' writers log, too."""
    lines = values(number, points, [*metrics])
    flat = (value for line in lines for value in line.values())
    return np.fromiter(flat, np.float64, points * len(metrics)).reshape(points, len(metrics))


class Ours(Contender):
    """Asked for 1,000 points, as a chart of that many pixels does. Every start is cold: nothing is kept."""

    name = "AI Lab"
    package = "ailab-server"
    most = 1000

    def command(self, folder: Path, port: int) -> list[str]:
        """With a config file of one user, and a state folder of its own."""
        config, state = folder.parent / "config.json", folder.parent / "state"
        shutil.rmtree(state, ignore_errors=True)
        keys = {"workspace": str(folder), "users": {"ada": _PASSWORD}, "port": port, "state_dir": str(state)}
        config.unlink(missing_ok=True)
        config.write_text(json.dumps(keys))
        config.chmod(0o600)
        return [self.python, "-m", "ailab_server", str(config)]

    def environment(self, folder: Path) -> dict[str, str]:
        """This one's."""
        return ours(folder.parents[2])

    def write(self, folder: Path, shape: Shape) -> None:
        """The bytes that the real writer writes; tests/server/test_benchmark.py holds them equal."""
        make_workspace(folder, shape, _values)

    def log_live(self, folder: Path, rate: float, seconds: float) -> subprocess.Popen[str]:
        """The real writer in a process of its own."""
        folder.mkdir(parents=True, exist_ok=True)
        command = [self.python, workspaces.__file__, str(folder), "1", str(rate), str(seconds)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def greet(self, http: Http) -> None:
        """Log in."""
        answer = json.loads(http.ask("POST", "/api/v1/login", {"user": "ada", "password": _PASSWORD}))
        http.headers["Authorization"] = f"Bearer {answer['token']}"

    def runs(self, http: Http, shape: Shape) -> list[str]:
        """The list; a page gets what comes after it by the stream."""
        return [run["id"] for run in json.loads(http.ask("GET", "/api/v1/runs"))["runs"]]

    def series(self, http: Http, runs: Sequence[str], metrics: Sequence[str]) -> dict[tuple[str, str], Got]:
        """All in one request."""
        body = http.ask("POST", "/api/v1/series", {"runs": [*runs], "metrics": [*metrics], "points": self.most})
        size = int.from_bytes(body[:4], "little")
        offset = 4 + size
        found = {}
        for one in json.loads(body[4 : 4 + size])["series"]:
            count = one["count"]
            (last,) = memoryview(body)[offset + 8 * (count - 1) : offset + 8 * count].cast("d") if count else (-1,)
            found[one["run"], one["metric"]] = Got(count, int(last))
            offset += 16 * count
        return found
