"""Runs that are really logged, and an app on what lies in the workspace."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ailab.experiment import Config, start


@pytest.fixture
def logged(workspace: Path) -> Callable[..., Any]:
    """Begin a run with the library: ``with logged("digits", lr=0.1) as run: ...``."""

    def begin(experiment: str = "digits", snapshot: bool = False, tags: list[str] | None = None, **train: Any) -> Any:
        config = Config()
        config.train.experiment_name = experiment
        for name, value in train.items():
            setattr(config.train, name, value)
        for name in ("model", "loss", "prepare"):
            setattr(config.arch, name, print)
        config.arch.metrics = []
        return start(
            config, workspace=workspace, snapshot=snapshot, capture_output=False, system_seconds=None, tags=tags or []
        )

    return begin


@pytest.fixture
def opened(start_app: Callable[..., Any], eventually: Callable[..., Any], workspace: Path) -> Callable[[], Any]:
    """An app that has read every run of the workspace, and the runs' ids by their folders' names."""

    def begin(**keys: Any) -> Any:
        app = start_app(**keys)
        count = len(list(workspace.glob("*/*/run.json")))
        runs = eventually(lambda: len(found := answer(app, "/runs")["runs"]) == count and found)
        return app, {run["name"]: run["id"] for run in runs}

    return begin


def answer(app: Any, path: str, status: int = 200, **params: Any) -> Any:
    """The strict JSON of an answer, a problem among them."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    got = app.client.get(path, params=params or None)
    assert got.status_code == status, got.text[:500]
    expected = "application/json" if status < 400 else "application/problem+json"
    assert got.headers["content-type"] == expected
    return json.loads(got.content.decode("utf-8"), parse_constant=refuse)
