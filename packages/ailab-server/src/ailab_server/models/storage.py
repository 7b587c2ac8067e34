"""What runs take of the disk."""

from ailab_server.models.base import Answer

__all__ = ["ExperimentStorage", "RunStorage", "RunStoragePage", "Storage", "UserStorage"]


class UserStorage(Answer):
    """What all measured runs of a user take; the name is "" where the runs do not say."""

    user: str
    runs: int
    bytes: int


class ExperimentStorage(Answer):
    """What all measured runs of an experiment take."""

    experiment: str
    runs: int
    bytes: int


class Storage(Answer):
    """Bytes of the disk, the largest first.

    ``complete`` is false while runs are still being measured for the first time: ``measured`` of ``runs`` are.
    ``trash`` and ``code`` (what runs have in common) are not in ``bytes``; null until they have been measured.
    """

    runs: int
    measured: int
    complete: bool
    bytes: int
    trash: int | None
    code: int | None
    users: list[UserStorage]
    experiments: list[ExperimentStorage]


class RunStorage(Answer):
    """What a run takes, in bytes of the disk and entries of folders, as at ``time``."""

    run: str
    experiment: str
    name: str
    user: str
    bytes: int
    files: int
    time: float


class RunStoragePage(Answer):
    """Runs, the largest first; ``total`` is how many there are on all pages."""

    runs: list[RunStorage]
    total: int
