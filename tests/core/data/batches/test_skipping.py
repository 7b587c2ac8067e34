from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from ailab.data.batches import BatchLoader
from ailab.data.batches.skipping import Nothing
from ailab.testing.samples import STRUCTURES, Broken, Made, assert_same


class Bad(Made):
    """Every sample in ``bad`` raises; whole batches are offered if ``whole``."""

    def __init__(self, bad: set[int], whole: bool = False) -> None:
        super().__init__(STRUCTURES["random"])
        self.bad = bad
        self.whole = whole

    def __getitem__(self, index: int) -> Any:
        if index in self.bad:
            raise ValueError(f"bad {index}")
        return super().__getitem__(index)

    @property
    def __getitems__(self) -> Any:
        return self.read if self.whole else None

    def read(self, indices: Any) -> Any:
        if self.bad & set(indices.tolist()):
            raise ValueError("one of them")
        return NotImplemented


@pytest.mark.parametrize("whole", [False, True])
def test_a_bad_sample_is_left_out_and_noted(whole: bool) -> None:
    loader = BatchLoader(Bad({1, 6, 7}, whole), 4, shuffle=False, on_error="skip")
    batches = list(loader)
    assert [labels["y"].tolist() for _, labels in batches] == [[0, 2, 3], [4, 5], [8, 9, 10]]
    assert (loader.left_out, loader.skipped) == ([1, 6, 7], 3)
    good = BatchLoader(Made(STRUCTURES["random"]), 4)
    assert_same(batches[0], good.load([0, 2, 3], 0))  # with random numbers of their own, as ever


def test_a_batch_of_bad_samples_is_left_out_and_counts() -> None:
    loader = BatchLoader(Bad({4, 5, 6, 7}), 4, shuffle=False, on_error="skip")
    places = [(batch[1]["y"][0].item(), loader.state_dict()["position"]) for batch in loader]
    assert places == [(0, 1), (8, 0)]
    assert loader.epoch == 1
    loader.load_state_dict({**loader.state_dict(), "position": 1})
    assert [batch[1]["y"].tolist() for batch in loader] == [[8, 9, 10]]


def test_random_access_gives_the_next_batch() -> None:
    loader = BatchLoader(Bad({0, 1, 2, 3, 8, 9, 10}), 4, shuffle=False, on_error="skip")
    assert [loader.batch(number)[1]["y"].tolist() for number in (0, 1, 2, -1)] == [[4, 5, 6, 7]] * 4
    with pytest.raises(RuntimeError, match="no sample of Bad can be read"):
        BatchLoader(Bad(set(range(11))), 4, on_error="skip").batch(0)
    assert list(BatchLoader(Bad(set(range(11))), 4, on_error="skip")) == []


def test_nothing_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(Nothing)) is Nothing  # noqa: S301 - made here


def test_unless_asked_for_errors_are_raised() -> None:
    with pytest.raises(FileNotFoundError):
        list(BatchLoader(Broken(), 4))
    with pytest.raises(ValueError, match=r"on_error='ignore' \(str\): expected 'raise' or 'skip'"):
        BatchLoader(Broken(), 4, on_error="ignore")
    with pytest.raises(ValueError, match="on_error=array"):
        BatchLoader(Broken(), 4, on_error=np.array(["skip"]))  # type: ignore[arg-type]


def test_samples_that_make_no_batch_are_not_skipped() -> None:
    with pytest.raises(ValueError, match="has shape"):
        list(BatchLoader(Made(lambda i: (np.zeros(i), i)), 4, on_error="skip"))
