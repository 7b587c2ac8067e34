"""The API's routes, one module a subject.

All of them lie under ``/api/v1`` and behind ``security.access``.
"""

from fastapi import APIRouter

from ailab_server.routes import (
    annotations,
    audit,
    code,
    export,
    log,
    logged,
    runs,
    session,
    storage,
    stream,
    system,
    tasks,
    trash,
)

__all__ = ["routers"]


def routers() -> list[APIRouter]:
    """Our own routers; plugins bring theirs through ``ailab_routes``."""
    return [
        session.router,
        system.router,
        runs.router,
        logged.router,
        log.router,
        code.router,
        export.router,
        annotations.router,
        trash.router,
        tasks.router,
        stream.router,
        storage.router,
        audit.router,
    ]
