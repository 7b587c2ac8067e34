"""Where in which epoch a loader is, so that a later process can go on with the very next batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ailab.data.batches.checks import check_whole
from ailab.errors import shown

__all__ = ["Place", "place_of", "state_of"]

Place = tuple[int, int]  # the epoch, and how many of its batches the consumer has had


def state_of(place: Place, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What ``state_dict`` returns: plain ints and bools, fit for JSON."""
    return {"epoch": place[0], "position": place[1], **settings}


def place_of(state: Any, settings: Mapping[str, Any]) -> Place:
    """What ``load_state_dict`` was given.

    Raises:
        TypeError: ``state`` is no dict, or a part of it is of a wrong type.
        ValueError: it lacks something, or is that of a loader with other ``settings``; names all that differ.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"state={shown(state)}: expected what state_dict() returned")
    lacking = [key for key in ("epoch", "position", *settings) if key not in state]
    if lacking:
        raise ValueError(f"state lacks {', '.join(lacking)}: it does not come from this kind of loader")
    other = [f"{key}={state[key]!r}, here {value!r}" for key, value in settings.items() if state[key] != value]
    if other:
        raise ValueError(
            f"the state is that of another loader ({'; '.join(other)}): its batches are not the ones made here"
        )
    return check_whole(state["epoch"], "state['epoch']"), check_whole(state["position"], "state['position']")
