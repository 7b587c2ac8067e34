"""What torch's and tensorboardX's SummaryWriter have in common."""

from __future__ import annotations

from recording.calls import TEN, Calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

__all__ = ["read", "session_with"]


def session_with(summary_writer: Callable[[str], Any]) -> Callable[[str, Callable[[Calls], object]], None]:
    """The session of a package whose SummaryWriter this is."""

    def session(folder: str, body: Callable[[Calls], object]) -> None:
        with summary_writer(folder) as writer:
            body(_calls(writer))

    return session


def read(folder: str) -> Sequence[float]:
    """The values of "loss" in the event files."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(folder, size_guidance={"scalars": 0}).Reload()
    return [scalar.value for scalar in events.Scalars("loss")] if "loss" in events.Tags()["scalars"] else []


def _calls(writer: Any) -> Calls:

    def ten(step: int, value: float) -> None:
        for name in TEN:
            writer.add_scalar(name, value, step)

    return Calls(
        lambda step, value: writer.add_scalar("loss", value, step),
        ten,
        lambda step, pixels: writer.add_image("image", pixels, step, dataformats="HWC"),
    )
