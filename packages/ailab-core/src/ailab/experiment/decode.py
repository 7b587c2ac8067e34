"""Back from config.json: classes and functions by their qualified names, numbers that JSON does not have."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["from_jsonable", "load_object"]


def from_jsonable(value: Any, load: bool = True) -> Any:
    """What ``encode.to_jsonable`` was given, as far as JSON tells; ``{"$object": ...}`` stays as it is.

    This imports the modules that are named in it: use it on configurations whose code you would run too.

    Args:
        load: import classes and functions; else they stay ``{"$class": "module:name"}``.

    Raises:
        ValueError: a class or function cannot be found.
    """
    if isinstance(value, dict):
        if len(value) == 1:
            ((key, name),) = value.items()
            if key == "$float":
                return float(name)
            if key in ("$class", "$function") and load:
                return load_object(name)
        return {key: from_jsonable(item, load) for key, item in value.items()}
    if isinstance(value, list):
        return [from_jsonable(item, load) for item in value]
    return value


def load_object(name: str) -> Any:
    """The class or function behind ``module:qualified.name``.

    Raises:
        ValueError: the module or the name in it cannot be found.
    """
    module, _, path = name.partition(":")
    try:
        found: Any = import_module(module)
    except ImportError as error:
        raise ValueError(f"cannot load {name!r}: {error}") from error
    for part in path.split("."):
        if not hasattr(found, part):
            hint = " (it was defined in a script, or inside a function, where nobody else can find it)"
            hidden = module == "__main__" or "<locals>" in path
            raise ValueError(f"cannot load {name!r}: {module} has no {path}{hint if hidden else ''}")
        found = getattr(found, part)
    return found
