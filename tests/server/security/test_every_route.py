"""What no route may do, tried on all that there are: a route that is added later is among them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

STEPS = [
    "..", "../..", "..%2f..%2f", "%2e%2e%2f", "..%252f", "%252e%252e", "..%5c..%5c", "..\\..", "..;/", "%00",
    "x%00.png",
    "/etc/passwd", "%2fetc%2fpasswd", "C:%5cx", "a" * 300, "a" * 301, "a" * 4000, "%f0%9f%92%a9", "%ff%fe", "ü",
    "%c0%ae%c0%ae%c0%af", "%ed%a0%80", "%0d%0aX-Evil:%201", "%1b%5b2J", ".", "%2e", "~", "*", "{run}", "$(id)", "`id`",
]  # fmt: skip


def test_no_name_in_an_address_leads_anywhere(
    start_app: Callable[..., Any], new_run: Callable[..., Any], workspace: Path, routes: Any, filled: Any,
    eventually: Callable[..., Any],
) -> None:  # fmt: skip
    (workspace.parent / "secret").write_text("canary")
    (workspace.parent / "canary.png").write_text("canary")
    (workspace.parent / "run.json").write_text('{"host": "canary"}')
    run = new_run()
    run.image("figure")
    run.end()
    app = start_app()
    listed = eventually(lambda: app.client.get("/runs").json()["runs"])
    known = {"run": listed[0]["id"]}
    tried = 0
    for method, path in routes:
        if "{" not in path:
            continue
        for step in STEPS:
            for given in ({}, known):  # alone, and below a run that there is
                target = "/api/v1" + filled(path, step, **given)
                status, headers, body = app.client.raw(method, target)
                tried += 1
                assert status < 500, (method, target)
                assert b"canary" not in body and b"root:" not in body, (method, target)
                assert b"x-evil" not in {name.lower() for name in headers}, (method, target)
                if not given:
                    assert status in (400, 401, 404, 405, 415, 422), (method, target, status)
    assert tried > 400
    assert sorted(path.name for path in workspace.parent.iterdir() if path.name.startswith(("etc", "x", "a"))) == []


def test_a_form_of_another_site_does_nothing(app: Any, routes: Any, filled: Any) -> None:
    kinds = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None)
    before = len(list(app.services.audit.entries()))
    for method, path in routes:
        if method == "GET":
            continue
        for kind in kinds:
            headers = {} if kind is None else {"Content-Type": kind}
            for sent in (method, "POST", "PUT", "PATCH", "DELETE"):
                answer = app.client.request(sent, filled(path), content=b'{"a": "b"}', headers=headers)
                assert answer.status_code == 415, (sent, path, kind)
                # A form carries no token; what it asks is refused before anything is read.
                stranger = app.stranger.request(sent, filled(path), content=b"a=b", headers=headers)
                assert stranger.status_code in (401, 415), (sent, path, kind)
    assert app.services.scheduler.tasks() == []
    assert len(list(app.services.audit.entries())) > before  # refused, and told


def test_bodies_that_are_no_json_objects_of_theirs_are_refused_in_one_way(app: Any, routes: Any, filled: Any) -> None:
    bodies = [
        b"", b"null", b"[]", b'"x"', b"1e999", b"NaN", b"{", b"\xff", b"\xef\xbb\xbf{}", "{}".encode("utf-16"),
        b'{"a": 1, "a": 2}', b"[" * 20_000, b'{"x":' * 5_000, b'{"' + b"k" * 100_000 + b'": 1}', b'{"__proto__": {}}',
        b'{"runs": "' + b"\\ud800" * 10 + b'"}', b'{"command": [1e400]}',
    ]  # fmt: skip
    for method, path in routes:
        if method == "GET":
            continue
        for body in bodies:
            headers = {"Content-Type": "application/json"}
            caller = app.stranger if path == "/login" else app.client
            if path == "/logout":
                token, _ = app.services.tokens.issue("ada")
                caller, headers = app.stranger, headers | {"Authorization": f"Bearer {token}"}
            answer = caller.request(method, filled(path), content=body, headers=headers)
            assert answer.status_code < 500, (method, path, body[:30])
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["detail"]


@pytest.mark.usefixtures("odd_numbers")
def test_every_answer_is_strict_json_whatever_the_numbers(
    start_app: Callable[..., Any], routes: Any, filled: Any, eventually: Callable[..., Any], tmp_path: Path
) -> None:
    app = start_app(gpus=[0])
    run = eventually(lambda: app.client.get("/runs").json()["runs"])[0]["id"]
    task = app.client.post("/tasks", json={"command": ["true"], "folder": str(tmp_path)}).json()["id"]

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} in an answer")

    answered = 0
    for method, path in routes:
        if method != "GET" or path == "/stream":
            continue
        answer = app.client.get(filled(path, run=run, task=task))
        assert answer.status_code < 500, path
        if "json" in answer.headers["content-type"]:
            answered += answer.status_code == 200
            json.loads(answer.content.decode("utf-8"), parse_constant=refuse)
    assert answered >= 8


def test_every_answer_is_guarded(app: Any, routes: Any, filled: Any) -> None:
    for method, path in routes:
        if path in ("/stream", "/logout"):
            continue
        for caller in (app.client, app.stranger):
            headers = caller.request(method, filled(path), **({"json": {}} if method != "GET" else {})).headers
            assert headers["x-content-type-options"] == "nosniff", path
            assert headers["cache-control"] == "no-store", path
            assert "frame-ancestors 'none'" in headers["content-security-policy"], path
            assert not {"server", "set-cookie", "access-control-allow-credentials"} & set(headers), path


def test_no_route_answers_to_a_page_or_a_name_that_is_not_ours(app: Any, routes: Any, filled: Any) -> None:
    for method, path in routes:
        body = {"json": {}} if method != "GET" else {}
        for origin in ("https://evil.example", "null", "http://localhost.evil.example"):
            answer = app.client.request(method, filled(path), headers={"Origin": origin}, **body)
            assert (answer.status_code, "access-control-allow-origin" in answer.headers) == (403, False), path
        answer = app.client.request(method, filled(path), headers={"Host": "evil.example"}, **body)
        assert answer.status_code == 400, path
