"""TensorBoard through torch."""

from __future__ import annotations

from torch.utils.tensorboard import SummaryWriter

from recording.summaries import calls_of, scalars

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recording.calls import Calls

__all__ = ["read", "session"]


def session(folder: str, body: Callable[[Calls], object]) -> None:
    with SummaryWriter(folder) as writer:
        body(calls_of(writer))


def read(folder: str) -> Sequence[float]:
    return scalars(folder)
