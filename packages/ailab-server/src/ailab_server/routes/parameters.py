"""Query parameters that a route does not have are refused: a misspelt filter would be no filter at all."""

import difflib
import functools
from collections.abc import Callable
from typing import Any, get_args, get_type_hints

from fastapi import Request, params
from fastapi.routing import APIRoute

from ailab_server.errors import ProblemError
from ailab_server.strict import text

__all__ = ["names_of", "no_strangers"]


@functools.cache
def names_of(endpoint: Callable[..., Any]) -> tuple[str, ...]:
    """The query parameters that a route's function takes, each annotated with ``Query``."""
    found = []
    for name, hint in get_type_hints(endpoint, include_extras=True).items():
        query = next((one for one in get_args(hint)[1:] if isinstance(one, params.Query)), None)
        if query is not None:
            found.append(query.alias or name)
    return tuple(found)


async def no_strangers(request: Request) -> None:
    """A dependency of routes.

    Raises:
        ProblemError: 422 for a parameter that the route does not have; it says what it is close to.
    """
    route = request.scope["route"]
    if not request.scope["query_string"] or not isinstance(route, APIRoute):
        return
    names = names_of(route.endpoint)
    for name in request.query_params:
        if name not in names:
            near = difflib.get_close_matches(name[:100], names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names) or 'none'}"
            raise ProblemError(422, f"{text(name, 100)}: there is no such parameter; {hint}")
