from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter

from ailab.plugins import hookimpl
from ailab_server.hooks import server_manager


def entries(app: Any, **query: Any) -> list[dict[str, Any]]:
    found = app.client.get("/audit", params=query)
    assert found.status_code == 200, found.text
    return list(found.json()["entries"])


@pytest.fixture
def audited(start_app: Callable[..., Any], tmp_path: Path) -> Any:
    return start_app(state_dir=str(tmp_path / "state"))


def test_who_did_what_from_where(audited: Any, password: str, tmp_path: Path) -> None:
    audited.stranger.post("/login", json={"user": "ada", "password": password})
    audited.stranger.post("/login", json={"user": "ada", "password": password + "x"})
    task = audited.client.post("/tasks", json={"command": ["true", "--key", "hunter2"], "folder": str(tmp_path)}).json()
    audited.client.post(f"/tasks/{task['id']}/stop", json={})
    audited.client.post("/runs/x/tags", json={"add": ["paper"]})
    audited.client.post("/trash", json={"runs": ["x"]})
    audited.client.post("/logout", json={})
    token, _ = audited.services.tokens.issue("ada")
    audited.client._client.headers["authorization"] = f"Bearer {token}"
    found = entries(audited)
    assert [(entry["action"], entry["status"]) for entry in found] == [
        ("logout", 204), ("trash_runs", 404), ("change_tags", 404), ("stop_task", 200), ("add_task", 201),
        ("login refused", 401), ("login", 200), ("server started", None),
    ]  # fmt: skip
    assert {(entry["user"], entry["address"]) for entry in found[:-1]} == {("ada", "127.0.0.1")}
    queued = found[4]
    assert queued["target"] == "/api/v1/tasks"
    assert queued["detail"] == f"task {task['id']}, 0 GPUs: true in {tmp_path}"
    assert found[2]["detail"] == "+paper"


def test_no_secret_is_kept(audited: Any, password: str, tmp_path: Path) -> None:
    answer = audited.stranger.post("/login", json={"user": "ada", "password": password})
    # A password in the wrong field, and in the arguments of a task.
    audited.stranger.post("/login", json={"user": "my secret password", "password": "x"})
    audited.client.post("/tasks", json={"command": ["true", "hunter2"], "folder": str(tmp_path)})
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").glob("audit*"))
    for secret in (password, answer.json()["token"], "my secret password", "hunter2"):
        assert secret.encode() not in kept
    assert b"(no user)" in kept


def test_pages_and_filters(audited: Any) -> None:
    for number in range(12):
        audited.services.audit.note(f"a{number}", "bob", "10.0.0.1")
    page = audited.client.get("/audit?limit=5&user=bob").json()
    assert [entry["action"] for entry in page["entries"]] == [f"a{n}" for n in (11, 10, 9, 8, 7)]
    rest = audited.client.get("/audit", params={"limit": 20, "user": "bob", "before": page["next"]}).json()
    assert [entry["action"] for entry in rest["entries"]] == [f"a{n}" for n in range(6, -1, -1)]
    assert rest["next"] is None
    assert [entry["user"] for entry in entries(audited, action="a3")] == ["bob"]


def test_only_admins_read_it_and_what_was_refused_is_in_it(start_app: Callable[..., Any]) -> None:
    app = start_app(users={"ada": "x", "ben": "x"}, roles={"ada": "admin", "ben": "viewer"})
    token, _ = app.services.tokens.issue("ben")
    ben = {"Authorization": f"Bearer {token}"}
    for method in ("GET", "HEAD", "POST"):
        assert app.stranger.request(method, "/audit", headers=ben).status_code == 403
    assert app.stranger.post("/tasks", json={}, headers=ben).status_code == 403
    assert ("ben", 403, "/api/v1/tasks") in [(e["user"], e["status"], e["target"]) for e in entries(app)]


def test_whatever_may_change_something_is_noted_also_a_plugins_route(start_app: Callable[..., Any]) -> None:
    router = APIRouter()

    @router.delete("/secret")
    def secret() -> str:
        raise RuntimeError("a mistake")

    class Plugin:
        @hookimpl
        def ailab_routes(self, services: Any) -> Sequence[APIRouter]:
            return [router]

    manager = server_manager()
    manager.register(Plugin())
    app = start_app(manager=manager)
    assert app.client.request("DELETE", "/secret").status_code == 500
    app.client.request("PUT", "/nothing")
    assert [(e["action"], e["target"], e["status"]) for e in entries(app)[:2]] == [
        ("PUT", "/api/v1/nothing", 404),
        ("DELETE", "/api/v1/secret", 500),
    ]


def test_questions_are_not_noted(audited: Any) -> None:
    before = len(entries(audited))
    audited.client.get("/runs")
    audited.client.post("/series", json={"runs": ["x"], "metrics": ["loss"]})
    audited.stranger.post("/tasks", json={})  # refused with 401: nobody, and no end of them
    assert len(entries(audited)) == before


def test_a_terminal_can_show_the_file(audited: Any, tmp_path: Path) -> None:
    body = {"command": ["\x1b[2Jtrue"], "folder": str(tmp_path), "name": "x"}
    audited.client.post("/tasks", json=body)
    shown = subprocess.run(["cat", str(tmp_path / "state" / "audit.jsonl")], capture_output=True, check=True).stdout
    assert b"\\u001b[2Jtrue" in shown
    assert all(byte == 10 or 32 <= byte < 127 for byte in shown)
    assert [json.loads(line) for line in shown.splitlines()]
