"""MLflow with SQLite, which is its default."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from serving.contenders.base import Contender, Got, Http
from serving.workspaces import Shape

__all__ = ["Mlflow"]

_PAGE = 100
"""Runs that one request for series may name."""


class Mlflow(Contender):
    """Asked as its page of an experiment does: runs in pages, series of a hundred runs and 320 points a request."""

    name = "MLflow sqlite"
    package = "mlflow"
    most = 320

    def command(self, folder: Path, port: int) -> list[str]:
        """As a user starts it."""
        store = f"sqlite:///{folder}/mlflow.db"
        return [self.python, "-m", "mlflow", "server", "--backend-store-uri", store, "--port", str(port)]

    def runs(self, http: Http, shape: Shape) -> list[str]:
        """Page by page."""
        asked: dict[str, object] = {"experiment_ids": ["0"], "max_results": 1000}
        found: list[str] = []
        while True:
            answer = json.loads(http.ask("POST", "/ajax-api/2.0/mlflow/runs/search", asked))
            found += [run["info"]["run_id"] for run in answer.get("runs", [])]
            if not (token := answer.get("next_page_token")):
                return found
            asked["page_token"] = token

    def series(self, http: Http, runs: Sequence[str], metrics: Sequence[str]) -> dict[tuple[str, str], Got]:
        """A request a metric and hundred runs."""
        found: dict[tuple[str, str], Got] = {}
        for metric in metrics:
            for start in range(0, len(runs), _PAGE):
                asked = [("run_ids", run) for run in runs[start : start + _PAGE]]
                query = urlencode([*asked, ("metric_key", metric), ("max_results", str(self.most))])
                body = http.ask("GET", f"/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?{query}")
                for point in json.loads(body).get("metrics", []):
                    key = (point["run_id"], metric)
                    count, last = found.get(key, (0, -1))
                    found[key] = Got(count + 1, max(last, int(point.get("step", 0))))
        return found
