"""W&B offline: a helper process writes what the calls hand it."""

from __future__ import annotations

import wandb

from recording.calls import TEN, Calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["read", "session"]


def session(folder: str, body: Callable[[Calls], object]) -> None:
    with wandb.init(project="benchmark", dir=folder, mode="offline") as run:
        body(
            Calls(
                lambda step, value: run.log({"loss": value}),
                lambda step, value: run.log(dict.fromkeys(TEN, value)),
                lambda step, pixels: run.log({"image": wandb.Image(pixels)}),
            )
        )


def read(folder: str) -> Sequence[float]:
    import json
    from pathlib import Path

    from wandb.proto import wandb_internal_pb2

    from recording.wandb_log import records

    (file,) = Path(folder).glob("wandb/offline-run-*/*.wandb")
    found = []
    for data in records(file):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        if record.WhichOneof("record_type") == "history":
            items = record.history.item
            found += [json.loads(i.value_json) for i in items if i.key == "loss" or list(i.nested_key) == ["loss"]]
    return found
