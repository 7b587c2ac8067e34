"""DVCLive, without DVC experiments: those would need a Git repository."""

from __future__ import annotations

from dvclive import Live

from recording.calls import TEN, Calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["read", "session"]


def session(folder: str, body: Callable[[Calls], object]) -> None:
    with Live(f"{folder}/dvclive", save_dvc_exp=False) as live:

        def value(step: int, value: float) -> None:
            live.log_metric("loss", value)
            live.next_step()

        def ten(step: int, value: float) -> None:
            for name in TEN:
                live.log_metric(name, value)
            live.next_step()

        def image(step: int, pixels: object) -> None:
            live.log_image("image.png", pixels)
            live.next_step()

        body(Calls(value, ten, image))


def read(folder: str) -> Sequence[float]:
    import csv

    with open(f"{folder}/dvclive/plots/metrics/loss.tsv", newline="") as file:  # noqa: PTH123
        return [float(row["loss"]) for row in csv.DictReader(file, delimiter="\t")]
