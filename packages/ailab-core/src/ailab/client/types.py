"""What a server answers, as plain dicts with known keys; docs/api.md says what they mean.

Times are seconds since the epoch. A number that is not finite is the string ``"NaN"``, ``"Infinity"`` or
``"-Infinity"``.
"""

from __future__ import annotations

from typing import Literal, TypedDict

__all__ = ["Gpu", "Number", "Primary", "RunState", "RunSummary", "System", "Task"]

Number = float | Literal["NaN", "Infinity", "-Infinity"]
RunState = Literal["queued", "running", "finished", "failed", "killed", "stale"]


class Gpu(TypedDict):
    """One GPU of the server's config, and who has it."""

    id: int
    task: str | None
    task_name: str | None
    run: str | None
    others: int


class System(TypedDict):
    """The machine and its workspace; ``role`` is what the caller may do."""

    name: str
    version: str
    workspace: str
    workspace_available: bool
    user: str
    role: Literal["viewer", "operator", "admin"]
    gpus: list[Gpu]


class Primary(TypedDict):
    """A run's primary value: its newest, and at most 60 points of its curve."""

    name: str
    last: Number
    step: int
    steps: list[int]
    values: list[float | None]


class RunSummary(TypedDict):
    """A run as one row of the list."""

    id: str
    experiment: str
    name: str
    state: RunState
    progress: float | None
    eta_seconds: float | None
    created: float
    updated: float
    finished: float | None
    host: str
    user: str
    task: str | None
    primary: Primary | None
    error: str | None
    damaged: bool
    revision: int


class Task(TypedDict):
    """A queued command and what became of it."""

    id: str
    name: str
    command: list[str]
    folder: str
    gpus: int
    state: Literal["queued", "running", "finished", "failed", "killed"]
    gpu_ids: list[int]
    user: str
    created: float
    started: float | None
    finished: float | None
    exit_code: int | None
    run: str | None
    output: str
