"""Who logs: names, environments, and what to know about each one's figures."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["OURS", "PEERS", "Peer"]

OURS = "ailab"


@dataclass(frozen=True)
class Peer:
    """``recording.<module>`` logs, with the Python of the environment ``environment``."""

    key: str
    name: str
    module: str
    environment: str = ""  # "": whatever Python runs the benchmark
    distributions: tuple[str, ...] = ()  # the first is the one whose version is named
    points: int = 1_000_000  # that are written to be read back, if there is time to write so many
    note: str = ""


PEERS = (
    Peer("write", "bare `write(2)`, 32 bytes", "with_write", note="nothing that survives `kill -9` can be faster"),
    Peer("struct", "struct append, buffered", "with_struct", note="Python's buffer of 8 KiB"),
    Peer("json", "JSON line, flushed each", "with_json", note="`json.loads` line by line to read"),
    Peer(OURS, "AI Lab", "with_ailab", "", ("ailab-core",), note="every default: code snapshot, captured output, …"),
    Peer(
        "tensorboard",
        "TensorBoard (torch)",
        "with_tensorboard",
        "tensorboard",
        ("tensorboard", "torch"),
        note="a queue of 10, written every 120 s or when full; read by `EventAccumulator`, without TensorFlow",
    ),
    Peer(
        "tensorboardX",
        "tensorboardX",
        "with_tensorboardx",
        "tensorboardX",
        ("tensorboardX", "tensorboard"),
        note="as TensorBoard; read by its `EventAccumulator`",
    ),
    Peer("trackio", "trackio", "with_trackio", "trackio", ("trackio",), points=300_000),
    Peer("aim", "Aim", "with_aim", "aim", ("aim",), note="can be read after `aim storage reindex`, not timed"),
    Peer("wandb", "W&B offline", "with_wandb", "wandb", ("wandb",), points=200_000),
    Peer("mlflow-files", "MLflow, files", "with_mlflow_files", "mlflow", ("mlflow",)),
    Peer("mlflow-sqlite", "MLflow, SQLite", "with_mlflow_sqlite", "mlflow", ("mlflow",)),
    Peer("dvclive", "DVCLive", "with_dvclive", "dvclive", ("dvclive",)),
    Peer("sacred", "sacred", "with_sacred", "sacred", ("sacred",)),
)
