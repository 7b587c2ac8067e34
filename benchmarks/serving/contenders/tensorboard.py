"""TensorBoard, with its fast loader."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from serving.contenders.base import Contender, Got, Http
from serving.workspaces import Shape

__all__ = ["TensorBoard"]


class TensorBoard(Contender):
    """Asked as its page "Time Series" does: the tags of all runs, then one request a metric, for all runs."""

    name = "TensorBoard"
    package = "tensorboard"
    most = 1000

    def command(self, folder: Path, port: int) -> list[str]:
        """As a user starts it."""
        return [self.python, "-m", "tensorboard.main", "--logdir", str(folder), "--port", str(port)]

    def runs(self, http: Http, shape: Shape) -> list[str]:
        """Those of which every metric is known."""
        tags = json.loads(http.ask("GET", "/data/plugin/timeseries/tags"))["scalars"]["runTagInfo"]
        return [run for run, found in tags.items() if set(shape.metrics) <= set(found)]

    def series(self, http: Http, runs: Sequence[str], metrics: Sequence[str]) -> dict[tuple[str, str], Got]:
        """The answer has every run that there is."""
        found = {}
        for metric in metrics:
            asked = urlencode({"requests": json.dumps([{"plugin": "scalars", "tag": metric}])}).encode()
            body = http.ask("POST", "/data/plugin/timeseries/timeSeries", asked, "application/x-www-form-urlencoded")
            for run, points in json.loads(body)[0].get("runToSeries", {}).items():
                if points:
                    found[run, metric] = Got(len(points), points[-1]["step"])
        return found
