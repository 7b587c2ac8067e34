"""A complete Config for tests of the core."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ailab.experiment import Config, Run
from ailab.experiment import logging as log


class SmallConfig(Config):
    def __init__(self) -> None:
        super().__init__()
        self.train.batch_size = 42
        self.arch.model = SmallConfig
        self.arch.loss = len
        self.arch.metrics = ["accuracy"]
        self.arch.prepare = dict
        self.check_completness()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def make_config() -> Callable[[], Config]:
    return SmallConfig


@pytest.fixture
def config() -> Config:
    return SmallConfig()


@pytest.fixture
def record(workspace: Path) -> Callable[..., Run]:
    """Makes a finished run in the workspace, by logging it: ``record({"loss": [3, 2, 1]}, seed=1)``."""

    def make(
        metrics: Mapping[str, Sequence[float]] | None = None,
        *,
        experiment: str = "digits",
        snapshot: bool = False,
        end: Mapping[str, Any] | None = None,
        **train: Any,
    ) -> Run:
        config = SmallConfig()
        config.train.experiment_name = experiment
        for name, value in train.items():
            setattr(config.train, name, value)
        path = log.setup(config, snapshot=snapshot, capture_output=False)
        for name, values in (metrics or {}).items():
            for value in values:
                log.log_value(name, value, primary=name == "loss")
        if end:
            log.current_run().finish(**end)
        log.finish()
        return Run(path)

    return make
