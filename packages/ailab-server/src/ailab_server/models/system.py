"""The machine."""

from ailab_server.models.base import Answer, Role

__all__ = ["Gpu", "System"]


class Gpu(Answer):
    """One id of the config's ``gpus``, and who has it: the longest, and how many ``others`` share it."""

    id: int
    task: str | None
    task_name: str | None
    run: str | None
    others: int


class System(Answer):
    """The machine and its workspace; ``role`` is what the caller may do."""

    name: str
    version: str
    workspace: str
    workspace_available: bool
    user: str
    role: Role
    gpus: list[Gpu]
