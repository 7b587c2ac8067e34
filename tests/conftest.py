"""What all tests share."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from ailab import current
from ailab.experiment import logging as log

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in its background so. What tests start would inherit it, and no Ctrl-C would end it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A test that is slow because the machine has other work is not wrong; `timeout` in pyproject.toml ends what hangs.
settings.register_profile("patient", settings.default, deadline=None)
settings.load_profile("patient")


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


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server of a test writes to the user's cache or state."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))
