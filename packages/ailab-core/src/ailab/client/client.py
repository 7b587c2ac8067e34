"""`Client`: everything that a user of one server can do, put together of a part for each subject."""

from __future__ import annotations

from ailab.client.code import CodeCalls
from ailab.client.connection import Connection
from ailab.client.export import ExportCalls
from ailab.client.log import LogCalls
from ailab.client.logged import LoggedCalls
from ailab.client.manage import ManageCalls
from ailab.client.runs import RunCalls
from ailab.client.series import SeriesCalls
from ailab.client.stream import StreamCalls
from ailab.client.system import SystemCalls
from ailab.client.tasks import TaskCalls

__all__ = ["Client"]


class Client(
    SystemCalls,
    RunCalls,
    SeriesCalls,
    LoggedCalls,
    LogCalls,
    StreamCalls,
    CodeCalls,
    ExportCalls,
    TaskCalls,
    ManageCalls,
):
    __doc__ = Connection.__doc__

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
