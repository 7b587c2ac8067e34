from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ailab_server.security.origins import parse_origin

PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}

LOCAL = [
    "http://localhost", "https://localhost:3000", "http://app.localhost:1", "http://127.0.0.1:8000", "http://[::1]:5173",
    "http://10.1.2.3", "https://172.31.0.1:444", "http://192.168.0.10:12345", "http://169.254.1.1", "http://[fe80::1]",
    "http://[fd00::1]:80", "http://gpu1", "https://gpu1:12345", "http://gpu1.local", "http://a.b.lan:1",
    "https://nas.home.arpa", "http://ci.internal", "HTTP://LOCALHOST:80",
]  # fmt: skip

FOREIGN = [
    "null", "", "https://evil.example", "http://evil.example:12345", "http://localhost.evil.example",
    "http://127.0.0.1.evil.example", "http://evil.example#localhost", "http://localhost@evil.example",
    "http://evil.notlocal", "http://evil.local.example", "http://8.8.8.8", "http://172.32.0.1",
    "http://193.168.0.1", "http://[2001:db8::1]", "http://[::ffff:8.8.8.8]", "http://[::ffff:10.0.0.1]", "file://", "chrome-extension://abc",
    "http://local host", "http://localhost:99999999", "http://localhost/", "javascript:localhost", "http://2130706433",
    "http://0x7f000001", "http://.local", "http://local\xff",
]  # fmt: skip


@pytest.mark.parametrize("origin", LOCAL)
def test_pages_of_the_local_network_may_use_the_server(app: Any, origin: str) -> None:
    answer = app.client.get("/system", headers={"Origin": origin})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert "Origin" in answer.headers["vary"]
    preflight = app.stranger.request("OPTIONS", "/tasks", headers={"Origin": origin, **PREFLIGHT})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == origin
    assert preflight.headers["access-control-allow-headers"] == "Authorization, Content-Type"


@pytest.mark.parametrize("origin", FOREIGN)
def test_other_pages_may_not(app: Any, origin: str) -> None:
    header = (b"origin", origin.encode("latin-1"))
    for method, path in [
        ("GET", "/system"),
        ("POST", "/login"),
        ("POST", "/tasks"),
        ("DELETE", "/runs/x"),
        ("GET", "//"),
    ]:
        answer = app.client.request(method, path, headers=[header])
        assert answer.status_code == 403, (method, path)
        assert "access-control-allow-origin" not in answer.headers
    preflight = app.stranger.request(
        "OPTIONS", "/tasks", headers=[header, *((k.encode(), v.encode()) for k, v in PREFLIGHT.items())]
    )
    assert preflight.status_code == 403
    assert not any(name.startswith("access-control") for name in preflight.headers)


def test_credentials_are_never_allowed(app: Any) -> None:
    for origin in LOCAL:
        answer = app.client.get("/system", headers={"Origin": origin, "Cookie": "a=b"})
        assert "access-control-allow-credentials" not in answer.headers
        assert "set-cookie" not in answer.headers


def test_an_error_is_readable_by_an_allowed_page(app: Any) -> None:
    answer = app.stranger.get("/system", headers={"Origin": "http://localhost:3000"})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"


def test_own_origin_is_allowed_also_under_a_public_address(app: Any) -> None:
    headers = {"Host": "8.8.8.8:12345", "Origin": "http://8.8.8.8:12345"}
    assert app.client.get("/system", headers=headers).status_code == 200
    assert app.client.get("/system", headers={**headers, "Origin": "http://8.8.8.8"}).status_code == 403


def test_the_config_adds_origins(start_app: Callable[..., Any]) -> None:
    app = start_app(allowed_origins=["https://UI.example.org"])
    for origin, status in [
        ("https://ui.example.org", 200),
        ("https://ui.example.org:443", 200),
        ("http://ui.example.org", 403),
        ("https://ui.example.org:444", 403),
        ("https://x.ui.example.org", 403),
        ("null", 403),
    ]:
        assert app.client.get("/system", headers={"Origin": origin}).status_code == status, origin


def test_a_star_allows_every_page_but_null(start_app: Callable[..., Any]) -> None:
    app = start_app(allowed_origins=["*"])
    answer = app.client.get("/system", headers={"Origin": "https://anything.example"})
    assert answer.headers["access-control-allow-origin"] == "https://anything.example"
    assert "access-control-allow-credentials" not in answer.headers
    assert app.client.get("/system", headers={"Origin": "null"}).status_code == 403


def test_a_doubled_origin_is_refused(app: Any) -> None:
    doubled = [(b"origin", b"http://localhost"), (b"origin", b"http://localhost")]
    assert app.client.get("/system", headers=doubled).status_code == 403


def test_reaching_into_the_local_network_is_allowed_when_asked(app: Any) -> None:
    asked = {"Origin": "http://gpu1.local", **PREFLIGHT, "Access-Control-Request-Private-Network": "true"}
    answer = app.stranger.request("OPTIONS", "/tasks", headers=asked)
    assert answer.headers["access-control-allow-private-network"] == "true"


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("http://a", ("http", "a", 80)),
        ("https://A.b:8443", ("https", "a.b", 8443)),
        ("https://[::1]", ("https", "[::1]", 443)),
        ("null", None),
        ("http://a/", None),
        ("http://a:0x50", None),
        ("http://a:65536", None),
        ("ftp://a", None),
        ("http://a\n", None),
    ],
)
def test_parse_origin(text: str, parsed: object) -> None:
    assert parse_origin(text) == parsed
