from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from fastapi import APIRouter, Request

from ailab.plugins import hookimpl
from ailab_server.hooks import server_manager

SECRET = "hunter2-secret"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"user": "ada"}, "password"),
        ({"user": "ada", "password": [SECRET]}, "password"),
        ({"user": [SECRET], "password": SECRET}, "user"),
        ({"user": "ada", "password": SECRET * 1000}, "password"),
        ({"user": "ada", "password": SECRET, "extra": SECRET}, "extra"),
        ([SECRET], ""),
        (SECRET, ""),
    ],
)
def test_a_validation_error_names_the_field_and_repeats_no_input(app: Any, body: object, named: str) -> None:
    answer = app.stranger.post("/login", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert named in answer.json()["detail"]
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    "raw", [b"{", b"\xff", b'{"user": "\\ud800", "password": "x"}', b"[" * 100_000, b"NaN", b'{"user": 1e999}']
)
def test_a_body_that_is_no_json_is_the_callers_mistake(app: Any, raw: bytes) -> None:
    answer = app.stranger.post("/login", content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code in (401, 422, 400)
    json.loads(answer.content)


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/runs?filtr=loss < 1", "filtr: there is no such parameter; did you mean filter?"),
        ("/export?metrics=loss", "metrics: there is no such parameter; did you mean metric?"),
        ("/runs/x/log?start=5", "start: there is no such parameter; there are tail, from, file, wait"),
        ("/system?x=1", "x: there is no such parameter; there are none"),
        (f"/runs?%00%1b{'y' * 500}=1", "there is no such parameter"),
    ],
)
def test_a_parameter_that_a_route_does_not_have_is_not_passed_over(app: Any, path: str, detail: str) -> None:
    answer = app.client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert detail in answer.json()["detail"]
    assert len(answer.json()["detail"]) < 300


def test_a_plugins_route_may_read_any_query(start_app: Callable[..., Any]) -> None:
    router = APIRouter()

    @router.get("/echo")
    def echo(request: Request) -> dict[str, str]:
        return dict(request.query_params)

    class Plugin:
        @hookimpl
        def ailab_routes(self) -> Sequence[APIRouter]:
            return [router]

    manager = server_manager()
    manager.register(Plugin())
    assert start_app(manager=manager).client.get("/echo?a=1").json() == {"a": "1"}


def test_unknown_paths_and_methods_are_problems(app: Any) -> None:
    missing = app.client.get("/nothing")
    assert (missing.status_code, missing.json()["title"]) == (404, "Not Found")
    wrong = app.client.post("/runs", json={})
    assert wrong.status_code == 405
    assert wrong.headers["allow"] == "GET"
    assert wrong.headers["content-type"] == "application/problem+json"


def test_an_unexpected_error_says_nothing_to_the_caller_and_all_to_the_log(
    start_app: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    router = APIRouter()

    @router.get("/broken")
    def broken() -> str:
        raise RuntimeError(SECRET)

    class Plugin:
        @hookimpl
        def ailab_routes(self, services: Any) -> Sequence[APIRouter]:
            return [router]

    manager = server_manager()
    manager.register(Plugin())
    with caplog.at_level(logging.ERROR):
        answer = start_app(manager=manager).client.get("/broken")
    assert answer.status_code == 500
    assert answer.json()["detail"] == "the server made a mistake; its log has the details"
    assert SECRET not in answer.text
    assert "Traceback" in caplog.text
    assert SECRET in caplog.text
    assert answer.headers["x-content-type-options"] == "nosniff"
