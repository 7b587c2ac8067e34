from __future__ import annotations

import json
from itertools import chain, islice, repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ailab.data.batches import BatchLoader
from ailab.testing.samples import STRUCTURES, Made, assert_same

ARRAYS = Made(STRUCTURES["arrays"])


@given(
    st.integers(1, 12), st.integers(1, 5), st.booleans(), st.booleans(), st.integers(0, 2**64 - 1), st.integers(0, 30)
)
def test_a_state_goes_on_with_the_very_next_batch(
    length: int, batch_size: int, shuffle: bool, drop_last: bool, seed: int, used: int
) -> None:
    def make() -> BatchLoader:
        drop = drop_last and length >= batch_size
        return BatchLoader(Made(STRUCTURES["random"], length), batch_size, shuffle, seed=seed, drop_last=drop)

    through = chain.from_iterable(repeat(make()))
    expected = list(islice(through, used + 20))[used:]
    loader = make()
    for _ in islice(chain.from_iterable(repeat(loader)), used):
        pass
    state = json.loads(json.dumps(loader.state_dict()))
    again = make()
    again.load_state_dict(state)
    assert again.epoch == state["epoch"]
    assert again.state_dict() == state
    assert_same(tuple(islice(chain.from_iterable(repeat(again)), 20)), tuple(expected))


def test_the_state_is_that_of_the_batch_in_use() -> None:
    loader = BatchLoader(ARRAYS, 4)
    places = [(loader.state_dict()["epoch"], loader.state_dict()["position"]) for _ in range(2) for _ in loader]
    assert places == [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0)]


def test_a_look_at_another_place_does_not_disturb() -> None:
    loader = BatchLoader(ARRAYS, 4)
    batches = iter(loader)
    next(batches)
    loader.batch(2)
    assert loader.state_dict()["position"] == 1
    next(iter(loader))
    next(batches)
    assert loader.state_dict()["position"] == 2


def test_a_resumed_epoch_is_used_up_like_any_other() -> None:
    loader = BatchLoader(ARRAYS, 2)
    loader.load_state_dict({**loader.state_dict(), "epoch": 3, "position": 2})
    first = next(iter(loader))
    assert loader.epoch == 3
    rest = list(loader)
    assert_same(rest[0], first)
    assert (len(rest), loader.epoch, len(list(loader))) == (4, 4, 6)


def test_set_epoch_begins_at_its_beginning() -> None:
    loader = BatchLoader(ARRAYS, 2)
    loader.load_state_dict({**loader.state_dict(), "position": 2})
    loader.set_epoch(0)
    assert loader.state_dict()["position"] == 0
    assert len(list(loader)) == 6


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"seed": 1}, ValueError, r"another loader \(seed=1, here 0\)"),
        ({"shuffle": False}, ValueError, r"shuffle=False, here True"),
        ({"drop_last": True}, ValueError, r"drop_last=True, here False"),
        ({"length": 12, "batch_size": 2}, ValueError, r"length=12, here 11; batch_size=2, here 4"),
        ({"position": -1}, ValueError, r"state\['position'\]=-1"),
        ({"epoch": 1.5}, TypeError, r"state\['epoch'\]=1.5"),
    ],
)
def test_a_wrong_state_is_refused(change: dict[str, Any], error: type[Exception], message: str) -> None:
    loader = BatchLoader(ARRAYS, 4)
    with pytest.raises(error, match=message):
        loader.load_state_dict({**loader.state_dict(), **change})
    assert loader.state_dict()["position"] == 0


@pytest.mark.parametrize(("state", "error"), [(None, TypeError), ([], TypeError), ({"epoch": 1}, ValueError)])
def test_what_is_no_state_is_refused(state: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"state.*(expected what state_dict|lacks position, length)"):
        BatchLoader(ARRAYS, 4).load_state_dict(state)
