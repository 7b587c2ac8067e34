from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from ailab_server.auth.turns import Crowded, Turns


class Hashes:
    """Hashes that last until they are told to end."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.running: list[str] = []
        self.done: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}

    def ask(self, name: str, source: str, familiar: bool = False) -> asyncio.Task[None]:
        return asyncio.create_task(self._hash(name, source, familiar))

    async def _hash(self, name: str, source: str, familiar: bool) -> None:
        async with self.turns.turn(source, familiar):
            self.running.append(name)
            end = self._ends[name] = asyncio.Event()
            await end.wait()
            self.running.remove(name)
            self.done.append(name)

    async def end(self, name: str) -> None:
        self._ends[name].set()
        await settle()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_source_has_one_at_a_time_so_another_need_not_wait() -> None:
    async def scene() -> None:
        hashes = Hashes(Turns(at_once=2))
        flood = [hashes.ask(f"evil{n}", "10.0.0.9") for n in range(50)]
        await settle()
        assert len(hashes.running) == 1
        victim = hashes.ask("victim", "10.0.0.1")
        await settle()
        assert "victim" in hashes.running
        await hashes.end("victim")
        await victim
        for task in flood:
            task.cancel()
        await asyncio.gather(*flood, return_exceptions=True)
        assert hashes.turns.waiting == 0

    asyncio.run(scene())


def test_sources_take_turns_however_many_each_sends() -> None:
    async def scene() -> None:
        hashes = Hashes(Turns(at_once=1))
        tasks = [hashes.ask(f"a{n}", "a") for n in range(20)]
        await settle()
        tasks += [hashes.ask(f"b{n}", "b") for n in range(2)]
        await settle()
        for _ in range(6):
            await hashes.end(hashes.running[0])
        assert Counter(name[0] for name in hashes.done[1:5]) == {"a": 2, "b": 2}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(scene())


def test_who_has_been_here_before_goes_first_even_behind_the_attackers_address() -> None:
    async def scene() -> None:
        hashes = Hashes(Turns(at_once=1))
        flood = [hashes.ask(f"evil{n}", "10.0.0.9") for n in range(50)]
        await settle()
        victim = hashes.ask("victim", "10.0.0.9", familiar=True)
        await settle()
        await hashes.end(hashes.running[0])
        assert hashes.running == ["victim"]
        await hashes.end("victim")
        await victim
        for task in flood:
            task.cancel()
        await asyncio.gather(*flood, return_exceptions=True)

    asyncio.run(scene())


def test_when_it_is_full_the_largest_crowd_loses_one_and_a_newcomer_is_let_in() -> None:
    async def scene() -> None:
        hashes = Hashes(Turns(at_once=1, most=10))
        flood = [hashes.ask(f"evil{n}", "10.0.0.9") for n in range(11)]
        await settle()
        assert hashes.turns.waiting == 10
        victim = hashes.ask("victim", "10.0.0.1")
        await settle()
        assert hashes.turns.waiting == 10
        assert [type(task.exception()) for task in flood if task.done()] == [Crowded]
        await hashes.end(hashes.running[0])
        assert hashes.running == ["victim"]
        for task in (*flood, victim):
            task.cancel()
        await asyncio.gather(*flood, victim, return_exceptions=True)

    asyncio.run(scene())


def test_in_a_crowd_of_one_address_nobody_is_left_out_for_certain() -> None:
    async def once() -> bool:
        hashes = Hashes(Turns(at_once=1, most=4))
        first = [hashes.ask(f"evil{n}", "a") for n in range(5)]
        await settle()
        victim = hashes.ask("victim", "a")
        await settle()
        stayed = not victim.done()
        for task in (*first, victim):
            task.cancel()
        await asyncio.gather(*first, victim, return_exceptions=True)
        return stayed

    results = [asyncio.run(once()) for _ in range(60)]
    assert 20 < sum(results) < 60  # four times in five


def test_one_that_gives_up_takes_no_turn_and_holds_none() -> None:
    async def scene() -> None:
        hashes = Hashes(Turns(at_once=1))
        first = hashes.ask("first", "a")
        await settle()
        second, third = hashes.ask("second", "b"), hashes.ask("third", "c")
        await settle()
        second.cancel()
        await settle()
        await hashes.end("first")
        await first
        assert hashes.running == ["third"]
        third.cancel()  # in the middle of its turn
        with pytest.raises(asyncio.CancelledError):
            await third
        last = hashes.ask("last", "a")
        await settle()
        await hashes.end("last")
        await last

    asyncio.run(scene())
