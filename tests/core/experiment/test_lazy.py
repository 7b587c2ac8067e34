"""Worked out once; and threads with an instance each do not wait for one another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from ailab.experiment.lazy import lazy

together = Barrier(2)


class Slow:
    """Something slow."""

    worked_out = 0

    @lazy
    def value(self) -> int:
        """The value."""
        self.worked_out += 1
        return 42

    @lazy
    def met(self) -> bool:
        together.wait(10)
        return True


def test_it_is_worked_out_once_until_forgotten() -> None:
    slow = Slow()
    assert (slow.value, slow.value, slow.worked_out) == (42, 42, 1)
    del slow.__dict__["value"]
    assert (slow.value, slow.worked_out) == (42, 2)
    assert Slow.value.__doc__ == "The value."


def test_two_instances_are_worked_out_at_the_same_time() -> None:
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(lambda slow: slow.met, [Slow(), Slow()])) == [True, True]
