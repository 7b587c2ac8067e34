from __future__ import annotations

import multiprocessing
from collections.abc import Iterator

import pytest

from ailab_keras import feed
from core.data.engine.helpers import wait_for


@pytest.fixture(autouse=True)
def _workers_end_with_their_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """TensorFlow keeps the data of a training that was stopped alive: its workers end once they have idled."""
    monkeypatch.setattr(feed, "_IDLE", 1.0)
    yield
    wait_for(lambda: not multiprocessing.active_children())
