"""A complete Config for tests of the core."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ailab.experiment import Config


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
