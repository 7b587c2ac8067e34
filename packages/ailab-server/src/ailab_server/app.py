"""The FastAPI app: routes, error answers and the OpenAPI document.

``late`` stands before it, ``security`` before both.
"""

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from ailab_server import errors
from ailab_server.models import Problem
from ailab_server.routes import routers
from ailab_server.routes.parameters import no_strangers
from ailab_server.security.access import PUBLIC
from ailab_server.stream.response import MEDIA_TYPE

__all__ = ["API", "create_api", "document"]

API = "/api/v1"


def create_api(more: Iterable[APIRouter] = ()) -> FastAPI:
    """The routes alone: without any check of who calls. ``state.services`` must be set before a request comes."""
    api = FastAPI(
        title="AI Lab",
        version="1",
        description="One machine's runs, GPUs and tasks. docs/api.md says more.",
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        responses={"default": {"model": Problem, "description": "What went wrong and what to do"}},
    )
    errors.install(api)
    for router in routers():
        api.include_router(router, prefix=API, dependencies=[Depends(no_strangers)])
    for router in more:  # plugins' routes may read the query by themselves
        api.include_router(router, prefix=API)
    return api


def document() -> dict[str, Any]:
    """The OpenAPI document of our own routes."""
    api = create_api()
    made = get_openapi(title=api.title, version=api.version, description=api.description, routes=api.routes)
    made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    made["security"] = [{"token": []}]
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            if (method.upper(), path) in PUBLIC:
                operation["security"] = []
            _use_problems(operation)
    # FastAPI takes any answer that is not JSON for a string; a stream's lines are JSON.
    answer = made["paths"][f"{API}/stream"]["get"]["responses"]["200"]["content"][MEDIA_TYPE]
    messages = {key: value for key, value in answer["schema"].items() if key not in ("type", "title")}
    made["components"]["schemas"]["StreamMessage"] = messages
    answer["schema"] = {"$ref": "#/components/schemas/StreamMessage"}
    for unused in ("HTTPValidationError", "ValidationError"):
        made["components"]["schemas"].pop(unused, None)
    return made


def _use_problems(operation: dict[str, Any]) -> None:
    """Errors are problems, also where FastAPI by itself describes other ones."""
    for status, answer in operation["responses"].items():
        if not status.startswith("2"):
            schema = {"$ref": "#/components/schemas/Problem"}
            answer["content"] = {"application/problem+json": {"schema": schema}}


def _operation_id(route: APIRoute) -> str:
    return route.name
