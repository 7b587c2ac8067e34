"""How late a value may be on a network share, where nothing tells that a file has grown."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ailab.experiment.record import writer
from ailab_server.config import ServerConfig
from ailab_server.workspace import Workspace, follower
from ailab_server.workspace.poll import Poller

GOAL = 1.5
FOR_THE_SHARE = 0.25
"""Seconds for the sync, the reading and the network themselves."""


def test_the_intervals_leave_the_share_time() -> None:
    poll = ServerConfig.model_fields["poll_seconds"].default
    assert poll == follower._POLL_SECONDS
    assert writer._SYNC_SECONDS + poll + FOR_THE_SHARE <= GOAL


def test_a_live_run_is_opened_anew_at_every_interval(
    workspace: Path, new_run: Callable[..., Any], eventually: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "is_local", lambda path: False)
    looks: list[float] = []
    poll = Poller.poll
    monkeypatch.setattr(Poller, "poll", lambda self, entry: (looks.append(time.monotonic()), poll(self, entry))[1])
    new_run()
    followed = Workspace(workspace, None, lambda ids: None, lambda: None, poll_seconds=0.05)
    followed.start()
    try:
        eventually(lambda: len(looks) > 12)
    finally:
        followed.close()
    gaps = [later - earlier for earlier, later in itertools.pairwise(looks)]
    assert 0.04 < statistics.median(gaps) < 0.5  # at every interval, though the run has not grown
