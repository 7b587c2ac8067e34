"""Logging in, and errors."""

from pydantic import Field

from ailab_server.models.base import Answer, Question

__all__ = ["Credentials", "Problem", "Session"]


class Problem(Answer):
    """An error, as RFC 9457 has it; ``detail`` says what to do."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class Credentials(Question):
    """What a user types to log in."""

    user: str = Field(max_length=256)
    password: str = Field(max_length=1024, repr=False)


class Session(Answer):
    """A login: the token goes into ``Authorization: Bearer TOKEN`` of every other request."""

    token: str = Field(repr=False)
    user: str
    expires: float
