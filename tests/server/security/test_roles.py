"""Every route times every role: what is not in the table below is a mistake."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter

from ailab.plugins import hookimpl
from ailab_server.app import document
from ailab_server.hooks import server_manager
from ailab_server.security.roles import allows

ROLES = ("viewer", "operator", "admin")
USERS = {"ann": "viewer", "ben": "operator", "cid": "admin"}

# Who may call what. A new route is added here, after thinking about who should.
NEEDS = {
    ("POST", "/login"): None,
    ("POST", "/logout"): "viewer",
    ("GET", "/system"): "viewer",
    ("GET", "/runs"): "viewer",
    ("GET", "/runs/{run}"): "viewer",
    ("GET", "/runs/{run}/series"): "viewer",
    ("GET", "/runs/{run}/images/{image}"): "viewer",
    ("GET", "/runs/{run}/log"): "viewer",
    ("GET", "/runs/{run}/texts"): "viewer",
    ("GET", "/runs/{run}/texts/{text}"): "viewer",
    ("GET", "/runs/{run}/tables"): "viewer",
    ("GET", "/runs/{run}/tables/{table}"): "viewer",
    ("GET", "/runs/{run}/tables/{table}/csv"): "viewer",
    ("GET", "/runs/{run}/histograms"): "viewer",
    ("GET", "/runs/{run}/files"): "viewer",
    ("GET", "/runs/{run}/files/{file}"): "viewer",
    ("GET", "/runs/{run}/code"): "viewer",
    ("GET", "/runs/{run}/code/{file}"): "viewer",
    ("GET", "/runs/{run}/code.zip"): "viewer",
    ("GET", "/diff"): "viewer",
    ("GET", "/diff/code"): "viewer",
    ("GET", "/export"): "viewer",
    ("POST", "/series"): "viewer",
    ("GET", "/tasks"): "viewer",
    ("POST", "/tasks"): "operator",
    ("GET", "/tasks/{task}"): "viewer",
    ("POST", "/tasks/{task}/stop"): "operator",
    ("GET", "/stream"): "viewer",
    ("GET", "/system/state"): "viewer",
    ("GET", "/storage"): "viewer",
    ("GET", "/storage/runs"): "viewer",
    ("GET", "/trash"): "viewer",
    ("POST", "/trash"): "operator",
    ("POST", "/trash/restore"): "operator",
    ("POST", "/runs/{run}/tags"): "operator",
    ("POST", "/runs/{run}/notes"): "operator",
    ("GET", "/audit"): "admin",
}
OURS = [
    (method.upper(), path.removeprefix("/api/v1"))
    for path, methods in document()["paths"].items()
    for method in methods
]


@pytest.fixture
def as_user(start_app: Callable[..., Any]) -> Callable[[str], Callable[..., Any]]:
    """Requests of a user of an app with all three roles (and of ``eve``, whom no role names)."""
    users = dict.fromkeys((*USERS, "eve"), "a password")
    app = start_app(users=users, roles=USERS)

    def of(user: str) -> Callable[..., Any]:
        token, _ = app.services.tokens.issue(user)

        def request(method: str, path: str, **options: Any) -> Any:
            return app.stranger.request(method, path, headers={"Authorization": f"Bearer {token}"}, **options)

        return request

    return of


def test_every_route_is_in_the_table() -> None:
    assert set(OURS) == set(NEEDS)


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize(("method", "path"), [route for route in sorted(NEEDS) if route != ("GET", "/stream")])
def test_each_role_may_do_what_the_table_says(as_user: Callable[..., Any], method: str, path: str, user: str) -> None:
    wanted = NEEDS[method, path]
    options = {"json": {}} if method == "POST" else {}
    status = as_user(user)(method, re.sub(r"{\w+}", "x", path), **options).status_code
    if wanted is None or allows(USERS[user], wanted):  # type: ignore[arg-type]
        assert status not in (401, 403), f"{user} may"
    else:
        assert status == 403


def test_who_is_not_named_is_a_viewer(as_user: Callable[..., Any], tmp_path: Path) -> None:
    eve = as_user("eve")
    assert eve("GET", "/system").json()["role"] == "viewer"
    refusal = eve("POST", "/tasks", json={"command": ["touch", str(tmp_path / "x")], "folder": str(tmp_path)})
    assert refusal.status_code == 403
    assert "needs the role operator, and you are a viewer" in refusal.json()["detail"]
    assert "and you are an operator" in as_user("ben")("GET", "/audit").json()["detail"]
    assert not (tmp_path / "x").exists()
    assert eve("GET", "/tasks").json()["tasks"] == []


def test_without_roles_everyone_is_an_admin(app: Any) -> None:
    assert app.client.get("/system").json()["role"] == "admin"


def test_an_operator_stops_their_own_tasks_and_an_admin_anyones(as_user: Callable[..., Any], tmp_path: Path) -> None:
    body = {"command": ["sleep", "1000"], "folder": str(tmp_path)}
    ben, cid = as_user("ben"), as_user("cid")
    own = ben("POST", "/tasks", json=body).json()["id"]
    other = ben("POST", "/tasks", json=body).json()["id"]
    admins = cid("POST", "/tasks", json=body).json()["id"]
    assert ben("POST", f"/tasks/{admins}/stop", json={}).status_code == 403
    assert ben("GET", f"/tasks/{admins}").json()["state"] != "killed"
    for user, task in ((ben, own), (cid, other), (cid, admins)):
        assert user("POST", f"/tasks/{task}/stop", json={}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "QUERY"])
def test_whatever_may_change_something_is_closed_to_viewers(as_user: Callable[..., Any], method: str) -> None:
    assert as_user("ann")(method, "/runs/x").status_code == 403


def test_a_plugins_route_that_changes_something_is_closed_to_viewers(start_app: Callable[..., Any]) -> None:
    router = APIRouter()
    called: list[str] = []

    @router.delete("/secret")
    def secret() -> str:
        called.append("x")
        return "canary"

    class Plugin:
        @hookimpl
        def ailab_routes(self, services: Any) -> Sequence[APIRouter]:
            return [router]

    manager = server_manager()
    manager.register(Plugin())
    app = start_app(manager=manager, roles={"ada": "viewer"})
    assert app.client.request("DELETE", "/secret").status_code == 403
    assert called == []


def test_the_order_of_the_roles() -> None:
    table = [[allows(role, wanted) for wanted in ROLES] for role in ROLES]  # type: ignore[arg-type]
    assert table == [[True, False, False], [True, True, False], [True, True, True]]
