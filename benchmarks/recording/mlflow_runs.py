"""MLflow's fluent interface, as its quick start uses it, for either store."""

from __future__ import annotations

import mlflow
from mlflow import MlflowClient

from recording.calls import TEN, Calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["read_from", "session_at"]


def session_at(uri: str, artifacts: str, body: Callable[[Calls], object]) -> None:
    """A run in the store at ``uri``, whose images are below the folder ``artifacts``."""
    mlflow.set_tracking_uri(uri)
    experiment = mlflow.create_experiment("benchmark", artifact_location=f"file:{artifacts}")
    with mlflow.start_run(experiment_id=experiment):
        body(
            Calls(
                lambda step, value: mlflow.log_metric("loss", value, step=step),
                lambda step, value: mlflow.log_metrics(dict.fromkeys(TEN, value), step=step),
                lambda step, pixels: mlflow.log_image(pixels, key="image", step=step),
            )
        )


def read_from(uri: str) -> Sequence[float]:
    """The history of "loss" of the only run."""
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("benchmark")
    (run,) = client.search_runs([experiment.experiment_id])
    return [metric.value for metric in client.get_metric_history(run.info.run_id, "loss")]
