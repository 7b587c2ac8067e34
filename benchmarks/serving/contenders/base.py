"""What the contest needs of every server."""

from __future__ import annotations

import http.client
import json
import math
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from serving.environment import theirs
from serving.workspaces import Shape

__all__ = ["Contender", "Got", "Http", "Shape"]

_WRITERS = Path(__file__).parents[1] / "writers"
_WRITING = 600.0


class Got(NamedTuple):
    """What an answer holds of one series: how many points, and the step of the last."""

    points: int
    last: int


class Http:
    """A client that costs little.

    Attributes:
        arrived: when the last answer had come whole (monotonic).
        until: nothing is asked after it (monotonic).
    """

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        self.headers: dict[str, str] = {}
        self.arrived = 0.0
        self.until = math.inf

    def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> bytes:
        """The body of an answer.

        Raises:
            OSError: nobody listens yet, the answer is an error, or it is too late to ask.
        """
        if time.monotonic() > self.until:
            raise TimeoutError(f"{method} {path[:60]}: not asked any more")
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = dict(self.headers) if data is None else {**self.headers, "Content-Type": kind}
        try:
            self._connection.request(method, path, data, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (http.client.HTTPException, OSError) as error:
            self._connection.close()
            raise OSError(f"{method} {path}: {error!r}") from error
        self.arrived = time.monotonic()
        if answer.status != 200:
            raise OSError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class Contender(ABC):
    """One server, with the writer that its users log with.

    Args:
        python: the interpreter that has it.

    Attributes:
        most: points that an answer has of a longer series, at most.
    """

    name: str
    package: str
    most: int

    def __init__(self, python: str) -> None:
        self.python = python

    def version(self) -> str:
        """Which version ``python`` has."""
        code = f"import importlib.metadata as m; print(m.version({self.package!r}))"
        return subprocess.run([self.python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()

    def environment(self, folder: Path) -> dict[str, str]:
        """For the server and the writer."""
        return theirs(folder.parent / "home")

    def write(self, folder: Path, shape: Shape) -> None:
        """Make the data, with this contender's own writer: runs named run00000 and so on.

        Raises:
            RuntimeError: the writer failed, or was not done in ten minutes.
        """
        command = self._writer(folder, shape.runs, shape.points, *shape.metrics)
        try:
            subprocess.run(
                command, check=True, timeout=_WRITING, env=self.environment(folder), stdout=subprocess.DEVNULL
            )
        except subprocess.SubprocessError as error:
            raise RuntimeError(f"its writer: {error}") from error

    def log_live(self, folder: Path, rate: float, seconds: float) -> subprocess.Popen[str]:
        """A process that logs into one run and prints each step and when it was logged (epoch)."""
        command = self._writer(folder, 1, 0, "loss", "--live", str(rate), str(seconds))
        return subprocess.Popen(command, env=self.environment(folder), stdout=subprocess.PIPE, text=True)

    def _writer(self, folder: Path, *arguments: object) -> list[str]:
        script = _WRITERS / f"write_{self.package.replace('-', '_')}.py"
        return [self.python, str(script), str(folder), *map(str, arguments)]

    @abstractmethod
    def command(self, folder: Path, port: int) -> list[str]:
        """How a user starts the server."""

    def greet(self, http: Http) -> None:
        """What a page does before its first question, such as logging in; most want nothing. OSError: not yet."""
        return

    @abstractmethod
    def runs(self, http: Http, shape: Shape) -> list[str]:
        """The runs that the server lists by now, as ids for `series`. OSError: not yet."""

    @abstractmethod
    def series(self, http: Http, runs: Sequence[str], metrics: Sequence[str]) -> dict[tuple[str, str], Got]:
        """Series of runs, as a page with so many runs asks for them. OSError: not yet."""
