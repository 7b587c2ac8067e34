"""What the API answers and takes; ``docs/api.md`` is the prose of it, the OpenAPI document is made from it.

Times are seconds since the epoch. The names here are contracts: the page's client types are generated from
them.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt

__all__ = [
    "ChangesMessage",
    "Credentials",
    "Gpu",
    "Image",
    "ImageHistory",
    "LogTail",
    "Metric",
    "NewTask",
    "Number",
    "PingMessage",
    "Primary",
    "Problem",
    "RemovedMessage",
    "Role",
    "RunDetail",
    "RunList",
    "RunMessage",
    "RunState",
    "RunSummary",
    "SeriesQuestion",
    "Session",
    "SnapshotMessage",
    "StreamMessage",
    "System",
    "Task",
    "TaskList",
    "TaskState",
    "TasksMessage",
]

Number = float | Literal["NaN", "Infinity", "-Infinity"]
RunState = Literal["queued", "running", "finished", "failed", "killed", "stale"]
Role = Literal["viewer", "operator", "admin"]
TaskState = Literal["queued", "running", "finished", "failed", "killed"]


class _Answer(BaseModel):
    # What has a default is still always sent, and the document says so.
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class _Question(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(_Answer):
    """An error, as RFC 9457 has it; ``detail`` says what to do."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class Credentials(_Question):
    """What a user types to log in."""

    user: str = Field(max_length=256)
    password: str = Field(max_length=1024, repr=False)


class Session(_Answer):
    """A login: the token goes into ``Authorization: Bearer TOKEN`` of every other request."""

    token: str = Field(repr=False)
    user: str
    expires: float


class Gpu(_Answer):
    """One id of the config's ``gpus``, and who has it: the longest, and how many ``others`` share it."""

    id: int
    task: str | None
    task_name: str | None
    run: str | None
    others: int


class System(_Answer):
    """The machine and its workspace; ``role`` is what the caller may do."""

    name: str
    version: str
    workspace: str
    workspace_available: bool
    user: str
    role: Role
    gpus: list[Gpu]


class Primary(_Answer):
    """A run's primary value.

    Its newest, and at most 60 points of its curve (``null`` where it was not finite).
    """

    name: str
    last: Number
    step: int
    steps: list[int]
    values: list[float | None]


class RunSummary(_Answer):
    """A run as one row of the list. ``revision`` grows whenever anything of the run changes."""

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


class RunList(_Answer):
    """All runs, newest first."""

    runs: list[RunSummary]


class Metric(_Answer):
    """One named value of a run."""

    name: str
    primary: bool
    count: int
    last: Number
    last_step: int


class Image(_Answer):
    """One picture; its bytes are at ``/runs/{run}/images/{id}``."""

    id: str
    step: int | None
    time: float


class ImageHistory(_Answer):
    """All pictures that were logged under one name, oldest first."""

    name: str
    latest: Image
    history: list[Image]


class RunDetail(_Answer):
    """A run with everything but its series and the bytes of its images."""

    summary: RunSummary
    metrics: list[Metric]
    images: list[ImageHistory]
    config: Any
    info: dict[str, Any]
    traceback: str | None


class LogTail(_Answer):
    """The end of a run's ``output.log``; ``size`` is the whole file's, in bytes."""

    text: str
    size: int


class SeriesQuestion(_Question):
    """Which series, on which x axis; ``low`` and ``high``, in its units, are what a chart shows."""

    runs: list[Annotated[str, Field(max_length=300)]] = Field(min_length=1, max_length=1_000)
    metrics: list[Annotated[str, Field(max_length=10_000)]] = Field(min_length=1, max_length=100)
    points: Annotated[int, Field(ge=4, le=20_000)] = 1_000
    x: Literal["step", "time", "relative"] = "step"
    low: Annotated[float, Field(allow_inf_nan=False)] | None = None
    high: Annotated[float, Field(allow_inf_nan=False)] | None = None


class NewTask(_Question):
    """A command to queue. It is an argument list, never a line for a shell."""

    command: list[Annotated[str, Field(max_length=32_768)]] = Field(min_length=1, max_length=1_000)
    folder: str = Field(max_length=4_096)
    gpus: Annotated[StrictInt, Field(ge=0, le=1_024)] = 0
    name: str | None = Field(default=None, max_length=200)


class Task(_Answer):
    """A queued command and what became of it."""

    id: str
    name: str
    command: list[str]
    folder: str
    gpus: int
    state: TaskState
    gpu_ids: list[int]
    user: str
    created: float
    started: float | None
    finished: float | None
    exit_code: int | None
    run: str | None
    output: str


class TaskList(_Answer):
    """All tasks, newest first."""

    tasks: list[Task]


class SnapshotMessage(_Answer):
    """The first line of a stream: replaces everything that a browser knew of this server."""

    type: Literal["snapshot"] = "snapshot"
    runs: list[RunSummary]
    tasks: list[Task]
    system: System
    revision: int = 0


class ChangesMessage(_Answer):
    """The first line of a stream that goes on where another ended: what changed, appeared and went since then."""

    type: Literal["changes"] = "changes"
    runs: list[RunSummary]
    removed: list[str]
    tasks: list[Task]
    system: System
    revision: int


class RunMessage(_Answer):
    """A run appeared or changed."""

    type: Literal["run"] = "run"
    run: RunSummary


class RemovedMessage(_Answer):
    """A run is gone."""

    type: Literal["removed"] = "removed"
    id: str


class TasksMessage(_Answer):
    """A task, a GPU or the workspace's availability changed."""

    type: Literal["tasks"] = "tasks"
    tasks: list[Task]
    system: System


class PingMessage(_Answer):
    """The connection lives, and everything up to ``revision`` has been told: a new stream may go on from there."""

    type: Literal["ping"] = "ping"
    revision: int = 0


StreamMessage = Annotated[
    SnapshotMessage | ChangesMessage | RunMessage | RemovedMessage | TasksMessage | PingMessage,
    Field(discriminator="type"),
]
