"""The server's own extension points; ``hooks`` adds them to core's plugin manager.

Implement them under ``ailab.plugins.hookimpl``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ailab.plugins import hookspec

if TYPE_CHECKING:
    from fastapi import APIRouter

    from ailab_server.config import ServerConfig
    from ailab_server.config.parts import Notify
    from ailab_server.models import RunSummary
    from ailab_server.notify.watch import Notification
    from ailab_server.scheduler.executor import Executor
    from ailab_server.services import Services

__all__: list[str] = []


@hookspec(firstresult=True)
def ailab_executor(config: ServerConfig) -> Executor | None:
    """Fires once when the server starts: return what runs its tasks, or None to leave that to others."""


@hookspec
def ailab_routes(services: Services) -> Sequence[APIRouter]:  # type: ignore[empty-body]
    """Fires once when the server starts: return routers to add below ``/api/v1``.

    Each of their routes needs a token.
    """


@hookspec
def ailab_run_state_changed(run: RunSummary) -> None:
    """Fires when a run's state has changed since the server first saw it.

    It fires in the thread that reads the workspace: be quick.
    """


@hookspec
def ailab_notify(config: Notify, notifications: Sequence[Notification]) -> None:
    """Fires when something happened to runs that the config's ``notify`` asks for.

    It fires in a thread of its own, with all that came together in two seconds: it may take its time.
    """


@hookspec(firstresult=True)
def ailab_ui_folder() -> Path | None:
    """Fires once when the server starts: return the folder with the page's ``index.html``, or None."""
