"""What a server answers, as plain dicts with known keys; docs/api.md says what they mean.

Times are seconds since the epoch. A number that is not finite is the string ``"NaN"``, ``"Infinity"`` or
``"-Infinity"``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "ChangesMessage",
    "CodeChange",
    "CodeDiff",
    "CodeFile",
    "CodeText",
    "CodeTree",
    "Curve",
    "Difference",
    "Gpu",
    "Histogram",
    "HistogramName",
    "Image",
    "ImageHistory",
    "LogTail",
    "LoggedFile",
    "Metric",
    "Number",
    "PingMessage",
    "Primary",
    "RemovedMessage",
    "RunDetail",
    "RunDiff",
    "RunMessage",
    "RunPage",
    "RunState",
    "RunSummary",
    "Series",
    "SnapshotMessage",
    "StreamMessage",
    "System",
    "Table",
    "TablePage",
    "Task",
    "TasksMessage",
    "Text",
    "TextContent",
]

Number = float | Literal["NaN", "Infinity", "-Infinity"]
RunState = Literal["queued", "running", "finished", "failed", "killed", "stale"]


class Gpu(TypedDict):
    """One GPU of the server's config, and who has it."""

    id: int
    task: str | None
    task_name: str | None
    run: str | None
    others: int
    foreign: bool


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


class RunPage(TypedDict):
    """Some of the ``total`` runs that fit; ``values`` has a row for each of them, with an item for each column."""

    runs: list[RunSummary]
    total: int
    offset: int
    columns: list[str]
    values: list[list[Any]]


class Metric(TypedDict):
    """One named value of a run."""

    name: str
    primary: bool
    count: int
    last: Number
    last_step: int


class Image(TypedDict):
    """One picture; `Client.image` gets its bytes."""

    id: str
    step: int | None
    time: float
    caption: str | None


class ImageHistory(TypedDict):
    """All pictures that were logged under one name, oldest first."""

    name: str
    latest: Image
    history: list[Image]


class RunDetail(TypedDict):
    """A run with everything but its series and the bytes of its images."""

    summary: RunSummary
    metrics: list[Metric]
    images: list[ImageHistory]
    config: Any
    info: dict[str, Any]
    traceback: str | None
    tags: list[str]
    notes: str


class Series(TypedDict):
    """A metric's numbers, shape (n,) each, float64; ``total`` is how many there are, ``reduced`` if those are more."""

    steps: npt.NDArray[np.float64]
    times: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    total: int
    reduced: bool


class Curve(TypedDict):
    """One metric of one run, against x, which is in order; shape (n,) each, float64."""

    run: str
    metric: str
    x: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    total: int
    reduced: bool


class LogTail(TypedDict):
    """Bytes ``start`` to before ``next`` of what a run printed, as text."""

    text: str
    size: int
    start: int
    next: int
    file: str
    restarted: bool
    over: bool


class Text(TypedDict):
    """A text's first 200 ``characters``, of how many."""

    id: str
    name: str
    step: int | None
    time: float
    text: str
    characters: int


class TextContent(TypedDict):
    """A whole text."""

    id: str
    name: str
    step: int | None
    time: float
    text: str


class Table(TypedDict):
    """A table; `Client.table_rows` gets its rows."""

    id: str
    name: str
    step: int | None
    time: float
    columns: list[str]
    rows: int


class TablePage(TypedDict):
    """Some rows of a table."""

    id: str
    columns: list[str]
    rows: list[list[str]]
    offset: int
    total: int


class HistogramName(TypedDict):
    """A name under which histograms were logged, and how many."""

    name: str
    count: int


class Histogram(TypedDict):
    """How many values lay between each two ``edges``, one more than ``counts``."""

    name: str
    step: int | None
    time: float
    edges: list[Number]
    counts: list[int]
    nonfinite: int


class LoggedFile(TypedDict):
    """A file that was logged, of ``size`` bytes."""

    id: str
    name: str
    step: int | None
    time: float
    size: int


class CodeFile(TypedDict):
    """A file of a run's code."""

    id: str
    path: str
    size: int
    executable: bool


class CodeTree(TypedDict):
    """The files of a run's code, and what was left out and why."""

    files: list[CodeFile]
    left_out: list[str]


class CodeText(TypedDict):
    """A file's text; None when it is ``binary``."""

    id: str
    path: str
    size: int
    binary: bool
    text: str | None


class Difference(TypedDict):
    """A path whose ``values`` differ, one for each run; what is not ``present`` is absent, not None."""

    path: str
    values: list[Any]
    present: list[bool]


class RunDiff(TypedDict):
    """In what ``runs`` differ from the first, by kind."""

    runs: list[str]
    config: list[Difference]
    data: list[Difference]
    git: list[Difference]
    environment: list[Difference]


class CodeChange(TypedDict):
    """A file that differs."""

    path: str
    change: Literal["added", "removed", "changed"]


class CodeDiff(TypedDict):
    """The files in which the code of two runs differs, and a unified diff; ``cut`` when that is longer."""

    files: list[CodeChange]
    diff: str
    cut: bool


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


class SnapshotMessage(TypedDict):
    """The first of a stream: replaces everything that was known of the server."""

    type: Literal["snapshot"]
    runs: list[RunSummary]
    tasks: list[Task]
    system: System
    revision: int


class ChangesMessage(TypedDict):
    """The first after a lost connection: what changed, appeared and went since then."""

    type: Literal["changes"]
    runs: list[RunSummary]
    removed: list[str]
    tasks: list[Task]
    system: System
    revision: int


class RunMessage(TypedDict):
    """A run appeared or changed."""

    type: Literal["run"]
    run: RunSummary


class RemovedMessage(TypedDict):
    """A run is gone."""

    type: Literal["removed"]
    id: str


class TasksMessage(TypedDict):
    """A task, a GPU or the workspace's availability changed."""

    type: Literal["tasks"]
    tasks: list[Task]
    system: System


class PingMessage(TypedDict):
    """The connection lives: comes at least every ten seconds."""

    type: Literal["ping"]
    revision: int


StreamMessage = SnapshotMessage | ChangesMessage | RunMessage | RemovedMessage | TasksMessage | PingMessage
