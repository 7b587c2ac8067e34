"""MLflow with its store in SQLite."""

from __future__ import annotations

from recording.mlflow_runs import read_from, session_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recording.calls import Calls

__all__ = ["read", "session"]


def session(folder: str, body: Callable[[Calls], object]) -> None:
    session_at(f"sqlite:///{folder}/mlflow.db", f"{folder}/artifacts", body)


def read(folder: str) -> Sequence[float]:
    return read_from(f"sqlite:///{folder}/mlflow.db")
