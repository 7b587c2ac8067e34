"""Holding what trainings were told against the files, and the files against the API."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np

from ailab.experiment.record import RunReader
from soak.servers import Caller
from soak.writer import worth
from soak.writers import Run, Segment

__all__ = ["Ledger"]

_PATIENCE = 90.0
"""Seconds until the server must know how a run ended: a killed one is stale after half a minute of silence."""


class Ledger:
    """Checks each run once it is over.

    Attributes:
        told, found: values that trainings were told are logged, and those that were found.
        lost, extra: values that were told and not found; found and not told (the last one before a kill).
        wrong: what does not agree, one line each.
    """

    def __init__(self) -> None:
        self.runs = self.told = self.found = self.lost = self.extra = self.images = self.texts = 0
        self.wrong: list[str] = []

    def check(self, run: Run, row: dict[str, Any] | None, caller: Caller) -> bool:
        """Check a run that is over, if the server knows it; whether this is done."""
        ended = run.last.ended or 0.0
        late = time.monotonic() - ended > _PATIENCE
        if not any(segment.told.started for segment in run.segments):
            return True  # killed before it had a folder, or while it made one
        if row is None or (run.state is not None and row["state"] != run.state):
            if late:
                said = "nothing" if row is None else row["state"]
                self.wrong.append(f"{run.name}: the server says {said}, it was {run.state}")
            return late
        self._compare(run, row, caller)
        self.runs += 1
        return True

    def _compare(self, run: Run, row: dict[str, Any], caller: Caller) -> None:
        reader = RunReader(run.folder)
        reader.poll()
        if reader.damaged or row["damaged"]:
            self.wrong.append(f"{run.name}: damaged: by its files {reader.damaged}, by the server {row['damaged']}")
        detail = json.loads(caller.ask("GET", f"/runs/{row['id']}"))
        shown = {metric["name"]: metric for metric in detail["metrics"]}
        for segment in run.segments:
            self._values(run, segment, reader, shown, row["id"], caller)
        images = sum(len(history["history"]) for history in detail["images"])
        whole = [segment for segment in run.segments if segment.told.done]
        self.images += images
        if images != len(reader.images) or images < sum(segment.told.images for segment in whole):
            self.wrong.append(f"{run.name}: {images} images in the API, {len(reader.images)} in the files")
        texts = sum(file.read_bytes().count(b'"type": "text"') for file in reader.folder.streams.glob("*.jsonl"))
        told = sum(segment.told.texts for segment in run.segments)
        self.texts += texts
        if not told <= texts <= told + len(run.segments):
            self.wrong.append(f"{run.name}: {told} texts were logged, {texts} are there")

    def _values(
        self, run: Run, segment: Segment, reader: RunReader, shown: dict[str, Any], id: str, caller: Caller
    ) -> None:
        told, metric = segment.told, segment.plan.metric
        values = reader.values(metric)["value"] if metric in reader.metrics else np.empty(0)
        self.told += told.values
        self.found += len(values)
        self.lost += max(0, told.values - len(values))
        self.extra += max(0, len(values) - told.values)
        right = np.array([worth(segment.plan.segment, number) for number in range(len(values))])
        if not told.values <= len(values) <= told.values + (0 if told.done else 1):
            self.wrong.append(f"{run.name}: {told.values} values of {metric} were logged, {len(values)} are there")
        if not np.array_equal(values, right):
            self.wrong.append(f"{run.name}: values of {metric} are others than were logged")
        steps, answered = caller.series(id, metric)
        if steps != list(range(len(values))) or answered != right.tolist():
            self.wrong.append(f"{run.name}: the API has {len(steps)} values of {metric}, the files {len(values)}")
        if shown.get(metric, {"count": 0})["count"] != len(values):
            self.wrong.append(f"{run.name}: the API counts {shown.get(metric)} of {metric}, the files {len(values)}")
        batches = reader.metrics[name].count if (name := f"train{segment.plan.segment}/acc") in reader.metrics else 0
        if not told.batches <= batches <= told.batches + (0 if told.done else 1):
            self.wrong.append(f"{run.name}: {told.batches} batches were logged, {batches} are there")
