"""An MLflow store in SQLite, by its own client, a thousand values a call as it allows; live ones one by one."""

from __future__ import annotations

import time
from pathlib import Path

from mlflow.entities import Metric
from mlflow.tracking import MlflowClient
from values import name, order, run_live, values

_MOST = 1000


def main() -> None:
    asked = order()
    Path(asked.folder).mkdir(parents=True, exist_ok=True)
    client = MlflowClient(f"sqlite:///{asked.folder}/mlflow.db")
    if asked.live:
        run = client.create_run("0", run_name=name(0)).info.run_id
        run_live(*asked.live, lambda step, value: client.log_metric(run, "loss", value, step=step))
        client.set_terminated(run)
        return
    for number in range(asked.runs):
        run = client.create_run("0", run_name=name(number)).info.run_id
        waiting = []
        for step, point in enumerate(values(number, asked.points, asked.metrics)):
            now = int(time.time() * 1000)
            waiting += [Metric(metric, value, now, step) for metric, value in point.items()]
            if len(waiting) + len(asked.metrics) > _MOST:
                client.log_batch(run, metrics=waiting)
                waiting = []
        if waiting:
            client.log_batch(run, metrics=waiting)
        client.set_terminated(run)


if __name__ == "__main__":
    main()
