"""A server's machine."""

from __future__ import annotations

from typing import cast

from ailab.client.connection import Connection
from ailab.client.types import System

__all__ = ["SystemCalls"]


class SystemCalls(Connection):
    """What a `Client` can ask about the machine."""

    def system(self) -> System:
        """The server's state: name, version, workspace, GPUs."""
        return cast(System, self._call("GET", "/system"))
