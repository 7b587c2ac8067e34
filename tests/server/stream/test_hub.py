from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ailab_server.auth import Tokens
from ailab_server.models import RunSummary, SnapshotMessage, System, TasksMessage
from ailab_server.stream import hub as module
from ailab_server.stream.hub import Client, Hub

SYSTEM = System(name="m", version="1", workspace="/w", workspace_available=True, user="ada", role="admin", gpus=[])


def summary(id: str, revision: int) -> RunSummary:
    return RunSummary(
        id=id, experiment="e", name="n", state="running", progress=None, eta_seconds=None, created=0.0, updated=0.0,
        finished=None, host="", user="", task=None, primary=None, error=None, damaged=False, revision=revision,
    )  # fmt: skip


class World:
    """A hub over a dictionary of runs."""

    def __init__(self) -> None:
        self.tokens = Tokens()
        self.runs: dict[str, RunSummary] = {}
        self.hub = Hub(
            lambda user, only, since: [
                SnapshotMessage(runs=list(self.runs.values()), tasks=[], system=SYSTEM).model_dump_json().encode(),
                b"\n",
            ],
            lambda user: TasksMessage(tasks=[], system=SYSTEM.model_copy(update={"user": user})),
            lambda id: self.runs[id].model_dump_json().encode() if id in self.runs else None,
            self.tokens,
        )

    def join(self, user: str = "ada", **what: Any) -> Client:
        login = self.tokens.check(self.tokens.issue(user)[0])
        assert login is not None
        client = self.hub.join(login, **what)
        assert client is not None
        return client

    def change(self, *ids: str) -> None:
        for id in ids:
            before = self.runs.get(id)
            self.runs[id] = summary(id, 1 if before is None else before.revision + 1)
        self.hub.publish_runs(ids)


def play(scene: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        world = World()
        world.hub.attach()
        await scene(world)

    asyncio.run(run())


def parsed(lines: bytes | None) -> list[dict[str, Any]]:
    assert lines is not None
    assert lines.endswith(b"\n")
    return [json.loads(line) for line in lines.splitlines()]


def test_a_snapshot_then_changes_in_their_order() -> None:
    async def scene(world: World) -> None:
        world.change("a")
        await asyncio.sleep(0)
        client = world.join()
        first = parsed(b"".join(await world.hub.first(client)))
        assert [message["type"] for message in first] == ["snapshot"]
        assert [run["id"] for run in first[0]["runs"]] == ["a"]
        world.change("b", "a")
        world.hub.publish_tasks()
        messages: list[dict[str, Any]] = []
        while len(messages) < 3:
            messages += [m for m in parsed(await world.hub.next(client)) if m["type"] != "ping"]
        assert [(m["type"], m.get("run", {}).get("id")) for m in messages] == [
            ("run", "b"),
            ("run", "a"),
            ("tasks", None),
        ]
        assert messages[-1]["system"]["user"] == "ada"

    play(scene)


def test_a_slow_client_gets_the_newest_of_each_run_once_and_holds_no_more_than_ids() -> None:
    async def scene(world: World) -> None:
        client = world.join()
        for _ in range(1000):
            world.change("a", "b")
        await asyncio.sleep(0)
        assert list(client.changed) == ["a", "b"]
        messages = parsed(await world.hub.next(client))
        assert [(m["run"]["id"], m["run"]["revision"]) for m in messages] == [("a", 1000), ("b", 1000)]
        assert not client.changed
        world.change("a")
        messages = parsed(await world.hub.next(client))
        assert [(m["run"]["id"], m["run"]["revision"]) for m in messages] == [("a", 1001)]

    play(scene)


def test_a_run_that_went_is_told_as_removed() -> None:
    async def scene(world: World) -> None:
        client = world.join()
        world.change("a")
        del world.runs["a"]
        world.hub.publish_runs(["a"])
        assert parsed(await world.hub.next(client)) == [{"type": "removed", "id": "a"}]

    play(scene)


def test_a_ping_when_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.PING_SECONDS < 10
    monkeypatch.setattr(module, "PING_SECONDS", 0.01)

    async def scene(world: World) -> None:
        assert parsed(await world.hub.next(world.join())) == [{"type": "ping", "revision": 0}]

    play(scene)


def test_a_client_hears_only_of_the_runs_it_looks_at() -> None:
    async def scene(world: World) -> None:
        client = world.join(only=frozenset({"b"}))
        world.change("a", "b", "c")
        await asyncio.sleep(0)
        assert list(client.changed) == ["b"]
        assert [m["run"]["id"] for m in parsed(await world.hub.next(client))] == ["b"]
        world.change("a")
        await asyncio.sleep(0)
        assert not client.wake.is_set()

    play(scene)


def test_many_changes_come_a_few_at_a_time_and_the_cursor_after_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_SECONDS", 0.0)
    monkeypatch.setattr(module, "_MOST_LINES", 2)

    async def scene(world: World) -> None:
        client = world.join()
        world.change("a", "b", "c")
        world.hub.publish_runs([], 7)
        await asyncio.sleep(0)
        client.wake.set()
        monkeypatch.setattr(module, "PING_SECONDS", 5.0)
        client.pinged -= 10.0
        first, second = parsed(await world.hub.next(client)), parsed(await world.hub.next(client))
        assert [m["type"] for m in first] == ["run", "run"]
        assert [m["type"] for m in second] == ["run", "ping"]
        assert second[-1]["revision"] == 7

    play(scene)


def test_logging_out_ends_the_streams_of_that_login_only() -> None:
    async def scene(world: World) -> None:
        client, other = world.join(), world.join()
        world.tokens.revoke(client.login.key)
        world.hub.end(client.login.key)
        assert await world.hub.next(client) is None
        world.change("a")
        assert parsed(await world.hub.next(other))[0]["type"] == "run"

    play(scene)


def test_a_token_that_expires_ends_its_stream_at_that_time() -> None:
    async def scene(world: World) -> None:
        world.tokens._lifetime = 0.05
        assert await world.hub.next(world.join()) is None

    play(scene)


def test_closing_ends_all_and_takes_no_more() -> None:
    async def scene(world: World) -> None:
        client = world.join()
        waiting = asyncio.ensure_future(world.hub.next(client))
        await asyncio.sleep(0)
        world.hub.close()
        assert await waiting is None
        assert world.hub.join(client.login) is None

    play(scene)


def test_the_number_of_streams_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_CLIENTS", 2)

    async def scene(world: World) -> None:
        client, _ = world.join(), world.join()
        assert world.hub.join(client.login) is None
        world.hub.leave(client)
        world.join()

    play(scene)


def test_publishing_before_and_after_the_loop_is_no_error() -> None:
    world = World()
    world.change("a")

    async def attach() -> None:
        world.hub.attach()

    asyncio.run(attach())
    world.change("a")
    world.hub.publish_tasks()
