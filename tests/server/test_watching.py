"""`Client.watch` against a server process, through connections that are cut."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from ailab.client import Client, ServerError


class Relay:
    """Passes connections on to a server; its clients see a server that goes away when they are cut."""

    def __init__(self, url: str) -> None:
        self._target = ("127.0.0.1", urlsplit(url).port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._target)
                self._ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    self._threads.append(threading.Thread(target=self._pass, args=(one, other)))
                    self._threads[-1].start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 16):
                other.sendall(data)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # closed before
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)
        for end in self._ends:
            end.close()


@pytest.fixture
def relay(start_server: Callable[..., Any]) -> Iterator[Relay]:
    made = Relay(start_server().url)
    yield made
    made.close()


def test_it_tells_what_is_and_what_changes(start_server: Callable[..., Any], new_run: Any, password: str) -> None:
    run = new_run()
    with Client(start_server().url, "ada", password) as client:
        watched = client.watch()
        first: Any = next(watched)
        assert (first["type"], first["system"]["user"], first["tasks"]) == ("snapshot", "ada", [])
        run.value("loss", 0.25, primary=True)
        told = (m["run"] for m in watched if m["type"] == "run")
        assert next(one for one in told if one["primary"])["name"] == run.path.name
        watched.close()


def test_of_some_runs_only(start_server: Callable[..., Any], new_run: Any, password: str, eventually: Any) -> None:
    one, other = new_run(), new_run()
    with Client(start_server().url, "ada", password) as client:
        eventually(lambda: client.run_page()["total"] == 2)
        ids = {run["name"]: run["id"] for run in client.runs()}
        watched = client.watch([ids[one.path.name]])
        first: Any = next(watched)
        assert [run["id"] for run in first["runs"]] == [ids[one.path.name]]
        other.end()
        one.end()
        ended = (m["run"] for m in watched if m["type"] == "run")
        assert next(run for run in ended if run["state"] == "finished")["id"] == ids[one.path.name]


def test_it_goes_on_where_a_connection_was_cut(relay: Relay, new_run: Any, password: str) -> None:
    new_run()
    with Client(relay.url, "ada", password) as client:
        watched = client.watch()
        next(message for message in watched if message.get("runs") or message["type"] == "run")
        for _ in range(2):
            relay.cut()
            later = new_run()
            told: Any = next(message for message in watched if message["type"] == "changes")
            appeared = itertools.chain(told["runs"], (m["run"] for m in watched if m["type"] == "run"))
            assert any(run["name"] == later.path.name for run in appeared)


def test_a_server_that_was_started_anew_tells_all_again(start_server: Callable[..., Any], password: str) -> None:
    first = start_server()
    with Client(first.url, "ada", password) as client:
        watched = client.watch()
        next(watched)
        first.stop()
        start_server(port=urlsplit(first.url).port)
        again: Any = next(message for message in watched if message["type"] == "snapshot")
        assert again["system"]["user"] == "ada"


def test_a_server_that_stays_away_is_an_error(relay: Relay, password: str) -> None:
    client = Client(relay.url, "ada", password)
    watched = client.watch(patience=0.3)
    next(watched)
    relay.close()
    with pytest.raises(ServerError, match="cannot reach"):
        list(watched)


def test_a_client_that_is_closed_ends_it(start_server: Callable[..., Any], password: str) -> None:
    client = Client(start_server().url, "ada", password)
    watched = client.watch()
    next(watched)
    client.close()  # which ends the stream too: its login is over
    with pytest.raises(ServerError, match="was closed"):
        list(watched)


def test_a_refusal_is_an_error_at_once(start_server: Callable[..., Any], password: str) -> None:
    with Client(start_server().url, "ada", password) as client:
        with pytest.raises(ServerError) as refused:
            next(client.watch(["x"] * 501))
        assert refused.value.status == 422
