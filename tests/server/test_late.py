"""Answers that do not wait for FastAPI are those that FastAPI gives."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ailab_server import late


@pytest.fixture
def both(
    new_run: Callable[..., Any],
    start_app: Callable[..., Any],
    eventually: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., list[Any]]:
    """Ask with and without the answers of `LateApi`."""
    run = new_run()
    run.value("loss", 1.0, primary=True)
    run.end()
    app = start_app()
    eventually(lambda: app.client.get("/runs").json()["runs"])

    def ask(method: str, path: str, stranger: bool = False, **options: Any) -> list[Any]:
        caller = app.stranger if stranger else app.client
        early = caller.request(method, path, **options)
        with monkeypatch.context() as patch:
            patch.setattr(late, "_ANSWERS", {})
            real = caller.request(method, path, **options)
        return [early, real]

    return ask


def same(early: httpx.Response, real: httpx.Response) -> None:
    assert early.status_code == real.status_code
    volatile = {"date"}
    assert {k: v for k, v in early.headers.items() if k not in volatile} == {
        k: v for k, v in real.headers.items() if k not in volatile
    }
    assert early.content == real.content


def test_the_list(both: Callable[..., list[Any]]) -> None:
    same(*both("GET", "/runs"))
    same(*both("GET", "/runs?x=1"))
    same(*both("POST", "/runs"))
    same(*both("GET", "/runs/"))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"\xff", b"1", b'"x"', b"{}", b'{"runs":["a"],"metrics":["loss"]}', b"[" * 100_000,
     b'{"runs":["a"],"metrics":["loss"],"points":"20"}', b'{"runs":["a"],"metrics":["loss"],"points":2}',
     b'{"runs":["a"],"metrics":["loss"],"low":NaN}', b'{"runs":["a"],"metrics":["\\ud800"]}'],
)  # fmt: skip
def test_series(both: Callable[..., list[Any]], body: bytes) -> None:
    same(*both("POST", "/series", content=body, headers={"content-type": "application/json"}))


@pytest.mark.parametrize(
    "body", [{"user": "ada", "password": "wrong"}, {"user": "ada"}, {"user": 1, "password": 2}, [], {"x": 1}]
)
def test_a_login_that_fails(both: Callable[..., list[Any]], body: Any) -> None:
    same(*both("POST", "/login", stranger=True, json=body))


def test_a_login(both: Callable[..., list[Any]], password: str) -> None:
    early, real = both("POST", "/login", stranger=True, json={"user": "ada", "password": password})
    assert early.json().keys() == real.json().keys()
    assert early.json()["user"] == real.json()["user"] == "ada"
    assert early.headers["content-type"] == real.headers["content-type"]


def test_the_programs_import_no_fastapi() -> None:
    code = "import sys, ailab_server.cli, ailab_server.serve; sys.exit('fastapi' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
