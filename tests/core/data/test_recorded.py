from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ailab.data import Dataset, TransformedDataset
from ailab.data.batches import BatchLoader
from ailab.experiment import Config
from ailab.experiment import logging as log


class Numbers(Dataset):
    def __init__(self, version: str = "1") -> None:
        self._version = version

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return index, index

    @property
    def version(self) -> str:
        return self._version


class Nameless(Numbers):
    @property
    def version(self) -> str:
        raise NotImplementedError


def test_a_run_records_what_feeds_it(tmp_path: Path, make_config: Callable[[], Config]) -> None:
    path = log.setup(config=make_config(), workspace=tmp_path, snapshot=False)
    BatchLoader(Numbers("1"), 2)
    BatchLoader(Numbers("2"), 2)
    BatchLoader(TransformedDataset(Numbers(), lambda features, labels: (features, labels)), 2)
    BatchLoader([(1, 2)], 1)
    BatchLoader(Nameless(), 1)
    log.finish()
    datasets = json.loads((path / "run.json").read_text())["datasets"]
    assert datasets["Numbers"] == ["1", "2"]
    assert datasets["list"] == [None]
    assert datasets["Nameless"] == [None]
    assert "TransformedDataset(Numbers)" in datasets
