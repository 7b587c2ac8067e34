"""The runs of a server."""

from __future__ import annotations

from typing import cast

from ailab.client.connection import Connection
from ailab.client.types import RunSummary

__all__ = ["RunCalls"]


class RunCalls(Connection):
    """What a `Client` can ask about runs."""

    def runs(self) -> list[RunSummary]:
        """A summary of every run, newest first."""
        return cast(list[RunSummary], self._call("GET", "/runs")["runs"])
