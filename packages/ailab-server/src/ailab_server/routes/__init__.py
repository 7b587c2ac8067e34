"""The API's routes, one module a subject.

All of them lie under ``/api/v1`` and behind ``security.access``.
"""

from fastapi import APIRouter

from ailab_server.routes import code, export, log, logged, runs, session, stream, system, tasks

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
        tasks.router,
        stream.router,
    ]
