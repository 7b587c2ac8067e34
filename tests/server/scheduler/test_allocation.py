from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ailab_server.scheduler.allocation import Allocation


class AllocationMachine(RuleBasedStateMachine):
    """Any order of queueing, starting, withdrawing and ending keeps the promises."""

    @initialize(
        gpus=st.lists(st.integers(0, 15), unique=True, max_size=6), slots=st.integers(1, 3), shared=st.integers(1, 3)
    )
    def begin(self, gpus: list[int], slots: int, shared: int) -> None:
        self.gpus = gpus
        self.slots = slots
        self.shared = shared
        self.allocation = Allocation(gpus, slots, shared)
        self.waiting: list[tuple[str, int]] = []
        self.running: dict[str, tuple[int, ...]] = {}
        self.made = 0

    @rule(data=st.data())
    def enqueue(self, data: st.DataObject) -> None:
        wanted = data.draw(st.integers(0, len(self.gpus)))
        task = f"t{self.made}"
        self.made += 1
        self.allocation.enqueue(task, wanted)
        self.waiting.append((task, wanted))

    @rule()
    def take(self) -> None:
        line_heads = [next((w for w in self.waiting if bool(w[1]) is gpu_line), None) for gpu_line in (True, False)]
        load = Counter(gpu for ids in self.running.values() for gpu in ids)
        free = {gpu for gpu in self.gpus if load[gpu] < self.shared}
        turn = self.allocation.take()
        if turn is None:
            gpu_head, cpu_head = line_heads
            assert gpu_head is None or gpu_head[1] > len(free)
            assert cpu_head is None or sum(not ids for ids in self.running.values()) == self.slots
            return
        task, ids = turn
        wanted = dict(self.waiting)[task]
        assert (task, wanted) in line_heads, "not first in its line"
        assert len(ids) == len(set(ids)) == wanted
        assert set(ids) <= free, "an id that is taken or unknown"
        left = max((load[gpu] for gpu in ids), default=0)
        assert all(load[gpu] >= left for gpu in free - set(ids)), "an id with fewer tasks was passed over"
        self.waiting.remove((task, wanted))
        self.running[task] = ids

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        task = data.draw(st.sampled_from(sorted(self.running)))
        self.allocation.release(task)
        del self.running[task]

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        entry = data.draw(st.sampled_from(self.waiting))
        assert self.allocation.withdraw(entry[0])
        assert not self.allocation.withdraw(entry[0])
        self.waiting.remove(entry)

    @invariant()
    def holders_are_the_running_tasks(self) -> None:
        if not hasattr(self, "allocation"):
            return
        held: dict[int, tuple[str, ...]] = {}
        for task, ids in self.running.items():
            for gpu in ids:
                held[gpu] = (*held.get(gpu, ()), task)
        assert self.allocation.holders == held
        assert self.allocation.waiting == len(self.waiting)

    def teardown(self) -> None:
        """Whatever happened, ending everything frees every id, and everything that waits gets its turn in order."""
        if not hasattr(self, "allocation"):
            return
        order = {True: [], False: []}  # type: dict[bool, list[str]]
        while self.waiting or self.running:
            while (turn := self.allocation.take()) is not None:
                wanted = dict(self.waiting)[turn[0]]
                order[bool(wanted)].append(turn[0])
                self.waiting.remove((turn[0], wanted))
                self.running[turn[0]] = turn[1]
            assert self.running, "nobody runs and nobody can start"
            for task in list(self.running):
                self.allocation.release(task)
                del self.running[task]
        for started in order.values():
            assert started == sorted(started, key=lambda task: int(task[1:]))
        assert self.allocation.holders == {}


TestAllocation = AllocationMachine.TestCase
TestAllocation.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


def test_many_small_tasks_do_not_starve_a_large_one() -> None:
    allocation = Allocation([0, 1], 4)
    allocation.enqueue("a", 1)
    allocation.enqueue("large", 2)
    allocation.enqueue("b", 1)
    assert allocation.take() == ("a", (0,))
    assert allocation.take() is None
    allocation.release("a")
    assert allocation.take() == ("large", (0, 1))
    assert allocation.take() is None
    allocation.release("large")
    assert allocation.take() == ("b", (0,))


def test_shared_gpus_are_filled_evenly_and_a_task_has_each_once() -> None:
    allocation = Allocation([0, 1], 1, tasks_per_gpu=2)
    for number in range(5):
        allocation.enqueue(f"t{number}", 1)
    assert [allocation.take() for _ in range(5)] == [("t0", (0,)), ("t1", (1,)), ("t2", (0,)), ("t3", (1,)), None]
    assert allocation.holders == {0: ("t0", "t2"), 1: ("t1", "t3")}
    with pytest.raises(ValueError, match="3 GPUs were asked for; there are 2"):
        allocation.enqueue("large", 3)
    allocation.release("t0")
    assert allocation.take() == ("t4", (0,))


def test_tasks_without_a_gpu_do_not_wait_for_gpus_but_for_a_slot() -> None:
    allocation = Allocation([0], 1)
    for task, gpus in [("g1", 1), ("g2", 1), ("c1", 0), ("c2", 0)]:
        allocation.enqueue(task, gpus)
    assert [allocation.take(), allocation.take(), allocation.take()] == [("g1", (0,)), ("c1", ()), None]
    allocation.release("c1")
    assert allocation.take() == ("c2", ())


@pytest.mark.parametrize("gpus", [-1, 3])
def test_more_than_there_are_is_refused(gpus: int) -> None:
    with pytest.raises(ValueError, match="2"):
        Allocation([4, 5], 1).enqueue("a", gpus)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="distinct"):
        Allocation([1, 1], 1)
    with pytest.raises(ValueError, match="cpu_slots"):
        Allocation([], 0)
    with pytest.raises(ValueError, match="tasks_per_gpu"):
        Allocation([0], 1, 0)
    allocation = Allocation([0], 1)
    allocation.enqueue("a", 1)
    with pytest.raises(ValueError, match="known"):
        allocation.enqueue("a", 1)
    with pytest.raises(KeyError):
        allocation.release("a")
