"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ailab import current
from ailab.experiment import logging as log


@pytest.fixture(autouse=True)
def _clean_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No run, no Config in use, one process and no AILAB_ variables from outside or from the test before."""
    for name in (
        "AILAB_WORKSPACE",
        "AILAB_TASK_ID",
        "AILAB_DISABLED_PLUGINS",
        "AILAB_SERVER",
        "AILAB_USER",
        "AILAB_PASSWORD",
        "RANK",
        "WORLD_SIZE",
    ):
        monkeypatch.delenv(name, raising=False)
    yield
    log.finish()
    current.use_config(None)
