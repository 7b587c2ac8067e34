"""A configuration as it was recorded: nested dicts whose fields are attributes too."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

__all__ = ["Settings", "flatten"]


class Settings(dict[str, Any]):
    """A dict whose keys are attributes as well: ``run.config.train.batch_size``.

    A key that is also the name of a dict's method (``items``, ``keys``, ...) is reached in brackets.
    """

    def __init__(self, content: Mapping[str, Any] | None = None) -> None:
        super().__init__({} if content is None else content)
        for key, value in self.items():
            if type(value) is dict:
                self[key] = Settings(value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self:
            return self[name]
        close = difflib.get_close_matches(name, list(self), n=1)
        raise AttributeError(f"no field {name!r} was recorded" + (f"; did you mean {close[0]!r}?" if close else ""))

    def at(self, path: str, default: Any = None) -> Any:
        """The value at a dotted path, such as ``"train.batch_size"``; ``default`` if there is none."""
        found: Any = self
        for part in path.split("."):
            if not isinstance(found, dict) or part not in found:
                return default
            found = found[part]
        return found


def flatten(content: Any, prefix: str = "") -> dict[str, Any]:
    """Dotted path to leaf, in order. Lists, empty dicts and markers such as ``{"$class": ...}`` are leaves."""
    if not isinstance(content, Mapping) or not content or next(iter(content)).startswith("$"):
        return {prefix: content} if prefix else {}
    found: dict[str, Any] = {}
    for key, value in content.items():
        found |= flatten(value, f"{prefix}.{key}" if prefix else str(key))
    return found
