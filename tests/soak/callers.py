"""Clients that ask for everything there is, queue tasks, and some that mean harm."""

from __future__ import annotations

import http.client
import json
import random
import socket
import threading
import time
from collections import Counter
from typing import Any

from soak.servers import Caller, Server, Wrong

__all__ = ["Callers"]

_THERE_OR_NOT = (200, 404, 503)
"""Runs come and go between two questions."""


class Callers:
    """Threads that call servers until `stop`.

    Args:
        servers: each with whether it may be away at any moment, because the soak restarts it.

    Attributes:
        counts: answers by kind of question.
        wrong: answers that no question should get.
    """

    def __init__(self, servers: list[tuple[Server, bool]], folder: str, pause: float, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._folder = folder
        self._pause = pause
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._guarded, args=(work, server, away, random.Random(seed + number)))
            for number, (server, away) in enumerate(servers)
            for work in (self._ask, self._ask, self._harm)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _guarded(self, work: Any, server: Server, away: bool, chance: random.Random) -> None:
        while not self._stop.is_set():
            try:
                work(server, chance)
            except Wrong as wrong:
                # A token ends with its server.
                if not (away and ": 401 " in str(wrong)):
                    self.wrong.append(f"{server.name}: {wrong}")
            except (OSError, http.client.HTTPException) as error:
                if not away:
                    self.wrong.append(f"{server.name} did not answer: {error!r}")
                self.counts["no server"] += 1
            self._stop.wait(0.5)

    def _ask(self, server: Server, chance: random.Random) -> None:
        caller = server.caller()
        try:
            for _ in range(chance.randint(1, 200)):
                if self._stop.wait(chance.random() * 2 * self._pause):
                    return
                rows = list(self._json(caller, "GET", "/runs", "list")["runs"])
                if rows:
                    self._look_at(caller, chance.choice(rows)["id"], rows, chance)
                if chance.random() < 0.1:
                    self._json(caller, "GET", "/system", "system")
                if chance.random() < 0.05:
                    self._queue(caller, chance)
        finally:
            caller.close()

    def _look_at(self, caller: Caller, run: str, rows: list[Any], chance: random.Random) -> None:
        detail = self._json(caller, "GET", f"/runs/{run}", "detail")
        metrics = [metric["name"] for metric in detail.get("metrics", [])][:20] or ["loss1"]
        for history in detail.get("images", [])[:2]:
            caller.ask("GET", f"/runs/{run}/images/{history['latest']['id']}", right=_THERE_OR_NOT)
            self.counts["image"] += 1
        runs = [row["id"] for row in chance.sample(rows, min(len(rows), chance.choice((1, 5, 50))))]
        question = {"runs": runs, "metrics": metrics, "points": chance.choice((4, 500, 20_000)),
                    "x": chance.choice(("step", "time", "relative"))}  # fmt: skip
        caller.ask("POST", "/series", question)
        self.counts["series"] += 1
        self._json(caller, "GET", f"/runs/{run}/log", "log")

    def _queue(self, caller: Caller, chance: random.Random) -> None:
        command = chance.choice((["true"], ["sleep", "0.5"], ["sleep", "1000"], ["sh", "-c", "echo hello; exit 3"]))
        body = {"command": command, "folder": self._folder, "gpus": chance.randint(0, 1)}
        task = json.loads(caller.ask("POST", "/tasks", body, right=(201,)))
        self._json(caller, "GET", "/tasks", "tasks")
        if command[-1] == "1000":
            time.sleep(chance.random())
            caller.ask("POST", f"/tasks/{task['id']}/stop")
        self.counts["task"] += 1

    def _harm(self, server: Server, chance: random.Random) -> None:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            match chance.randrange(6):
                case 0:
                    connection.sendall(b"GET /api/v1/runs HTTP/1.1\r\nHost: loc")  # never goes on
                    self._stop.wait(chance.random() * 15)
                case 1:
                    connection.sendall(chance.randbytes(500))
                case 2:
                    connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000)
                case 3:
                    head = b"POST /api/v1/series HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    connection.sendall(head + b"Content-Length: 1000\r\nAuthorization: Bearer x\r\n\r\n{")
                    self._stop.wait(chance.random() * 15)
                case 4:
                    self._guess(server, chance)
                case 5:
                    self._come_and_go(server)
        self.counts["harm"] += 1
        self._stop.wait(1.0)

    def _guess(self, server: Server, chance: random.Random) -> None:
        caller = Caller(server, "no token")
        caller.ask("GET", "/runs", right=(401,))
        credentials = {"user": f"user{chance.randrange(10_000)}", "password": "guess"}
        Caller(server, "").ask("POST", "/login", credentials, right=(401, 429))
        caller.close()

    def _come_and_go(self, server: Server) -> None:
        """Log out of a login of one's own."""
        from soak.servers import PASSWORD

        stranger = Caller(server, "")
        token = json.loads(stranger.ask("POST", "/login", {"user": "ada", "password": PASSWORD}))["token"]
        stranger.close()
        own = Caller(server, token)
        own.ask("POST", "/logout", right=(200, 204))
        own.ask("GET", "/runs", right=(401,))
        own.close()

    def _json(self, caller: Caller, method: str, path: str, kind: str) -> dict[str, Any]:
        def constant(name: str) -> None:
            raise Wrong(f"{method} {path}: holds {name}, which is no JSON")

        answer = caller.ask(method, path, right=_THERE_OR_NOT)
        self.counts[kind] += 1
        found: dict[str, Any] = json.loads(answer, parse_constant=constant)
        return found
