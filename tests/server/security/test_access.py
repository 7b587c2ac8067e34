"""Every route, whoever added it, is behind a token."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from fastapi import APIRouter
from starlette.routing import BaseRoute, Mount

from ailab.plugins import hookimpl
from ailab_server.app import create_api, document
from ailab_server.hooks import server_manager
from ailab_server.security.access import PUBLIC

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY")


def paths(routes: Iterable[BaseRoute], prefix: str = "") -> Iterable[str]:
    """Every path that an app routes; an unknown kind of route is an error here, so that none is passed over."""
    for route in routes:
        if hasattr(route, "original_router"):  # a router that FastAPI keeps as one
            yield from paths(route.original_router.routes, prefix + route.include_context.prefix)
        elif isinstance(route, Mount):
            yield prefix + route.path + "/x"
            yield from paths(route.routes, prefix + route.path)
        elif hasattr(route, "path"):
            yield prefix + route.path
        else:
            raise AssertionError(f"an unknown kind of route: {route!r}")


OURS = sorted(set(paths(create_api().routes)))


def test_the_enumeration_finds_every_documented_path() -> None:
    assert set(document()["paths"]) == set(OURS)
    assert len(OURS) >= 12


def test_the_public_list_is_short() -> None:
    assert {("POST", "/api/v1/login")} == PUBLIC


@pytest.mark.parametrize("path", [*OURS, "/docs", "/redoc", "/openapi.json", "/api/v1", "/api", "/no/such/page"])
def test_no_route_answers_without_a_token(app: Any, path: str) -> None:
    concrete = path.replace("{run}", "x").replace("{image}", "x").replace("{task}", "x")
    for method in METHODS:
        if (method, path) in PUBLIC:
            continue
        answer = app.stranger.request(method, f"/{concrete}")
        assert answer.status_code == 401, f"{method} {concrete}"
        assert answer.headers["www-authenticate"].startswith("Bearer")
        if method != "HEAD":
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == 401


@pytest.mark.parametrize("path", ["//docs", "//redoc", "//openapi.json"])
def test_the_documents_are_not_served_to_users_either(app: Any, path: str) -> None:
    assert app.client.get(path).status_code == 404


def test_a_plugins_route_is_behind_the_token_without_its_doing(start_app: Callable[..., Any]) -> None:
    router = APIRouter()

    @router.get("/secret")
    def secret() -> str:
        return "canary"

    class Plugin:
        @hookimpl
        def ailab_routes(self, services: Any) -> Sequence[APIRouter]:
            return [router]

    manager = server_manager()
    manager.register(Plugin())
    app = start_app(manager=manager)
    assert app.stranger.get("/secret").status_code == 401
    assert app.client.get("/secret").json() == "canary"


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", "Bearer x", "Basic YWRhOng=", "bearer\tx", "Bearer \xff", "Token {token}", "{token}",
     "Bearer {token}x", "Bearer x{token}", "Bearer {token} {token}"],
)  # fmt: skip
def test_only_a_whole_token_is_one(app: Any, value: str) -> None:
    token, _ = app.services.tokens.issue("ada")
    header = value.replace("{token}", token).encode("latin-1")
    answer = app.stranger.get("/system", headers=[(b"authorization", header)])
    assert answer.status_code == 401
    assert token not in answer.text


def test_two_authorizations_are_none(app: Any) -> None:
    token, _ = app.services.tokens.issue("ada")
    header = (b"authorization", f"Bearer {token}".encode())
    assert app.stranger.get("/system", headers=[header]).status_code == 200
    assert app.stranger.get("/system", headers=[header, header]).status_code == 401


def test_a_token_in_the_address_or_a_cookie_is_none(app: Any) -> None:
    token, _ = app.services.tokens.issue("ada")
    assert app.stranger.get(f"/system?token={token}&access_token={token}").status_code == 401
    assert app.stranger.get("/system", headers={"Cookie": f"token={token}"}).status_code == 401


def test_websockets_are_refused(app: Any) -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/api/v1/stream", "headers": [(b"host", b"127.0.0.1")]}
    asyncio.run(app.asgi(scope, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]
