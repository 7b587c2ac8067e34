"""What a run printed."""

from ailab_server.models.base import Answer

__all__ = ["LogTail"]


class LogTail(Answer):
    """A piece of a run's ``output.log``, from the byte ``start`` to before ``next``, of a file of ``size`` bytes.

    To go on, ask with ``from`` = ``next`` and the same ``file``, which stands for this very file. ``restarted``: what
    was asked for is no more, since the file was cut or replaced, and this is its beginning. ``over``: the run has
    ended, or is silent; once ``next`` is ``size``, nothing more is expected.
    """

    text: str
    size: int
    start: int
    next: int
    file: str
    restarted: bool
    over: bool
