"""The environment variables that steer a run without a change to its script."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ailab.errors import shown
from ailab.experiment.names import check_file_name

__all__ = ["RECORDED_VARIABLE", "Variables", "from_environment"]

RECORDED_VARIABLE = "AILAB_CONFIG_RECORDED"
"""Names the config.json of a run that is being reproduced, whose fields go before all others."""

_MODES = ("online", "disabled")
_RANKS = ("together", "apart")
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Variables:
    """What ``AILAB_RUN_ID``, ``AILAB_NAME``, ``AILAB_TAGS``, ``AILAB_MODE`` and ``AILAB_RANKS`` say.

    None or empty where unset. ``always_new``: the process reproduces a run, so it goes on with none.
    """

    run_id: str | None
    name: str | None
    tags: tuple[str, ...]
    disabled: bool
    together: bool = True
    always_new: bool = False


def from_environment() -> Variables:
    """The variables of this process.

    Raises:
        ValueError: one does not make sense; the message names it.
    """
    mode = os.environ.get("AILAB_MODE") or "online"
    if mode not in _MODES:
        raise ValueError(f"the environment variable AILAB_MODE must be 'online' or 'disabled', got {shown(mode)}")
    ranks = os.environ.get("AILAB_RANKS") or "together"
    if ranks not in _RANKS:
        raise ValueError(f"the environment variable AILAB_RANKS must be 'together' or 'apart', got {shown(ranks)}")
    run_id = os.environ.get("AILAB_RUN_ID") or None
    return Variables(
        run_id=None if run_id is None else check_file_name("the environment variable AILAB_RUN_ID", run_id),
        name=(os.environ.get("AILAB_NAME") or "")[:_LONGEST_NAME] or None,
        tags=tuple(tag.strip() for tag in os.environ.get("AILAB_TAGS", "").split(",") if tag.strip()),
        disabled=mode == "disabled",
        together=ranks == "together",
        always_new=bool(os.environ.get(RECORDED_VARIABLE)),
    )
