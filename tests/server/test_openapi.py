from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from ailab_server.openapi import render
from ailab_server.routes import routers
from ailab_server.routes.parameters import names_of

ROOT = Path(__file__).parents[2]
DOCUMENT = json.loads(render())


def test_the_file_of_the_page_is_the_servers_document() -> None:
    written = (ROOT / "packages/ailab-ui/openapi.json").read_text(encoding="utf-8")
    assert written == render(), "run: python -m ailab_server.openapi"


def test_the_document_and_the_prose_name_the_same_routes() -> None:
    prose = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(GET|POST) (/[^`?]*)", prose, re.MULTILINE))
    made = {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, methods in DOCUMENT["paths"].items()
        for method in methods
    }
    assert made == told


def operations() -> list[Any]:
    return [
        pytest.param(path, method, operation, id=f"{method} {path}")
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    ]


@pytest.mark.parametrize(("path", "method", "operation"), operations())
def test_every_answer_is_typed(path: str, method: str, operation: dict[str, Any]) -> None:
    assert operation["description"]
    for status, answer in operation["responses"].items():
        if status == "204":
            continue
        assert answer["content"], status
        for kind, content in answer["content"].items():
            assert content["schema"], f"{status} {kind}"
        if not status.startswith("2"):
            assert list(answer["content"]) == ["application/problem+json"]
    assert operation.get("security") == ([] if path.endswith("/login") else None)


def test_what_has_a_default_is_always_there_in_answers() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for name in ("SnapshotMessage", "RunMessage", "RemovedMessage", "TasksMessage", "PingMessage", "Problem"):
        assert "type" in schemas[name]["required"], name
    assert schemas["NewTask"]["required"] == ["command", "folder"]


def test_the_parameters_that_are_let_through_are_those_of_the_document() -> None:
    documented = {
        operation["operationId"]: {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
        for methods in DOCUMENT["paths"].values()
        for operation in methods.values()
    }
    routes = [route for router in routers() for route in router.routes if isinstance(route, APIRoute)]
    assert {route.name: set(names_of(route.endpoint)) for route in routes} == documented
    assert sum(map(len, documented.values())) > 30
