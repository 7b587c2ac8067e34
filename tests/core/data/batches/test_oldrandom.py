from __future__ import annotations

import pickle
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from ailab.data.batches import BatchLoader, oldrandom
from ailab.testing.samples import STRUCTURES, Made, assert_same


def old(index: int) -> Any:
    return (np.random.randn(2), random.random(), random.gauss(0, 1)), index


def by_index(loader: BatchLoader) -> dict[int, bytes]:
    return {
        int(y): a.tobytes() + b.tobytes() + c.tobytes()
        for (aa, bb, cc), labels in loader
        for a, b, c, y in zip(aa, bb, cc, labels, strict=True)
    }


@pytest.mark.parametrize("known", [True, False], ids=["looked up", "always seeded"])
def test_old_code_depends_on_seed_epoch_and_index_alone(known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not known:
        monkeypatch.setattr(oldrandom, "_mark", lambda bits: None)
    small, large = by_index(BatchLoader(Made(old), 2)), by_index(BatchLoader(Made(old), 11, shuffle=False))
    assert small == large
    assert len(set(small.values())) == 11
    later = BatchLoader(Made(old), 4)
    later.set_epoch(1)
    for other in (by_index(BatchLoader(Made(old), 4, seed=1)), by_index(later)):
        assert not set(small.values()) & set(other.values())


def test_a_dataset_that_draws_now_and_then() -> None:
    def sample(index: int) -> Any:
        return random.random() if index == 9 else 0.5, index

    values = {BatchLoader(Made(sample), size, False).load([9], 0)[0].item() for size in (1, 2)}
    loader = BatchLoader(Made(sample), 4, False)
    values |= {float(features[1]) for features, labels in loader if 9 in labels}
    assert len(values) == 1


def test_the_generators_are_afterwards_as_before() -> None:
    random.seed(3)
    np.random.seed(3)
    expected = random.random(), np.random.rand()
    random.seed(3)
    np.random.seed(3)
    list(BatchLoader(Made(old), 4))
    assert (random.random(), np.random.rand()) == expected


def test_nothing_is_seeded_for_those_who_do_not_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oldrandom, "seeding", None)  # would raise
    assert oldrandom._mark(oldrandom._numpys()) is not None
    readings = []
    loader = BatchLoader(Made(lambda i: (readings.append(i), STRUCTURES["random"](i))[1]), 4)
    list(loader)
    assert len(readings) == 11


def test_drawing_is_noticed_however_much_is_drawn() -> None:
    for count in (1, 2, 312, 624, 6240):
        for draw in (lambda: random.getrandbits(32), lambda: np.random.randint(2, dtype=np.uint32)):
            before = oldrandom._mark(oldrandom._numpys())
            for _ in range(count):
                draw()
            assert oldrandom._mark(oldrandom._numpys()) != before


def test_an_error_is_the_seeded_ones() -> None:
    def sample(index: int) -> Any:
        raise ValueError(random.random())

    errors = []
    for _ in range(2):
        with pytest.raises(ValueError) as caught:
            BatchLoader(Made(sample), 4).batch(0)
        errors.append(caught.value.args)
    assert errors[0] == errors[1]


def test_skipped_samples_are_noted_once() -> None:
    def sample(index: int) -> Any:
        if index == 2:
            raise ValueError(random.random())
        return random.random(), index

    loader = BatchLoader(Made(sample), 4, False, on_error="skip")
    list(loader)
    assert loader.left_out == [2]


def test_threads_that_draw_before_it_is_known() -> None:
    expected = tuple(BatchLoader(Made(old), 4))
    for _ in range(20):
        together, here = threading.Barrier(3), threading.local()

        def sample(index: int, together: Any = together, here: Any = here) -> Any:
            made = old(index)
            if not hasattr(here, "met"):  # all three threads have drawn, and none has been found out
                here.met = together.wait(30)
            return made

        loader = BatchLoader(Made(sample), 4)
        with ThreadPoolExecutor(3) as pool:
            assert_same(tuple(pool.map(loader.batch, range(3))), expected)


def test_what_is_known_travels() -> None:
    loader = BatchLoader([(0.5, 1)], 1)
    assert not loader._draws.used
    loader = BatchLoader(Made(old), 4)
    list(loader)
    assert pickle.loads(pickle.dumps(loader._draws)).used  # noqa: S301 - made here


def test_another_generator_of_numpys_is_left_alone() -> None:
    before = np.random.get_bit_generator()  # type: ignore[attr-defined]
    np.random.set_bit_generator(np.random.PCG64(1))  # type: ignore[attr-defined]
    try:
        assert len(by_index(BatchLoader(Made(old), 4))) == 11
    finally:
        np.random.set_bit_generator(before)  # type: ignore[attr-defined]
    assert by_index(BatchLoader(Made(old), 4)) == by_index(BatchLoader(Made(old), 3))
