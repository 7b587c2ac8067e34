"""What several routes declare in common: ids, problems, answers that are no JSON."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Path, Response

from ailab_server.errors import ProblemError
from ailab_server.models import Problem
from ailab_server.security.headers import API_POLICY

__all__ = ["Binary", "RunId", "away", "binary", "download_headers", "no_run", "problems"]

RunId = Annotated[str, Path(max_length=300, description="a run's id, from an earlier answer")]

_MEANINGS = {
    404: "There is no such run, or nothing of this id in it",
    413: "It is larger than what is sent",
    422: "A parameter is not what was expected; the detail says which and where",
    501: "The server lacks what this needs; the detail says what to install",
    503: "Not at the moment: try again after `Retry-After` seconds",
}


class Binary(Response):
    """Bytes."""

    media_type = "application/octet-stream"


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's ``responses``: the errors that it has of its own."""
    return {status: {"model": Problem, "description": _MEANINGS[status]} for status in statuses}


def binary(description: str, media_type: str = "application/octet-stream") -> dict[int | str, dict[str, Any]]:
    """For a route's ``responses``: an answer of bytes."""
    schema = {"schema": {"type": "string", "format": "binary"}}
    return {200: {"description": description, "content": {media_type: schema}}}


def download_headers(name: str) -> dict[str, str]:
    """For bytes that somebody put into a workspace: to be saved under ``name``, and shown or run by no browser."""

    plain = (
        "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in name)[:200].strip(" .") or "file"
    )
    exact = quote(name.encode("utf-8", "replace")[:600], safe="")
    return {
        "Content-Disposition": f"attachment; filename=\"{plain or 'file'}\"; filename*=UTF-8''{exact}",
        "Content-Security-Policy": API_POLICY,
        "X-Accel-Buffering": "no",
    }


def away() -> ProblemError:
    return ProblemError(503, "the run's files cannot be read at the moment", {"Retry-After": "1"})


def no_run() -> ProblemError:
    return ProblemError(404, "there is no such run; it may have been deleted")
