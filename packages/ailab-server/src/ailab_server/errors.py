"""Errors as ``application/problem+json`` that help the caller and tell a stranger nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response

from ailab_server.models import Problem

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

__all__ = ["ProblemError", "install", "problem"]

_log = logging.getLogger(__name__)


class ProblemError(HTTPException):
    """Raised by a route to end with ``status`` and a ``detail`` that says what to do."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, detail, dict(headers) if headers else None)


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer for an error."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return Response(
        body.model_dump_json(),
        status_code=status,
        media_type="application/problem+json",
        headers=dict(headers or {}),
    )


def install(app: FastAPI) -> None:
    """Make ``app`` answer every error as a problem."""
    from fastapi.exceptions import RequestValidationError  # late: see `ailab_server.late`

    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(Exception, _on_unexpected)


async def _on_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    details = {
        404: "there is nothing at this address",
        405: "this address does not take this method",
    }
    plain = not isinstance(error, ProblemError)
    detail = details.get(error.status_code, str(error.detail)) if plain else str(error.detail)
    return problem(error.status_code, detail, error.headers)


async def _on_invalid(_: Request, error: Exception) -> Response:
    from fastapi.exceptions import RequestValidationError

    assert isinstance(error, RequestValidationError)
    # Only where and what was expected: pydantic's own report repeats the input, which may be a password.
    if any(item["type"] == "json_invalid" for item in error.errors()):
        return problem(400, "the body is no JSON")
    lines = []
    for item in error.errors()[:5]:
        where = ".".join(str(part) for part in item["loc"] if part not in ("body", "query", "path"))[:200]
        lines.append(f"{where}: {item['msg']}" if where else str(item["msg"]))
    return problem(422, "; ".join(lines).encode("utf-8", "replace").decode())


async def _on_unexpected(_: Request, error: Exception) -> Response:
    # The traceback goes to the log where the outermost layer catches the error (security.guard).
    return problem(500, "the server made a mistake; its log has the details")
