"""Keeping what thousands of runs have in common once."""

from typing import Any

__all__ = ["Sharing"]

_MOST = 200_000
_DEEPEST = 64


class Sharing:
    """Makes equal parts of parsed JSON one object. The runs of a sweep differ in a few leaves; all else is equal.

    What it returns is shared: nobody may change it. Not safe for several threads at once.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: dict[Any, Any] = {}

    def of(self, value: Any, depth: int = _DEEPEST) -> Any:
        """``value``, or what is equal to it and was met before. Deeper than 64 levels it is taken as it is."""
        if depth == 0:
            return value
        if isinstance(value, dict):
            made: Any = {self.of(key): self.of(item, depth - 1) for key, item in value.items()}
            # Parts are shared already, so that the same object is what is equal; they live as long as what holds them.
            key: Any = (dict, tuple((id(name), id(item)) for name, item in made.items()))
        elif isinstance(value, list):
            made = [self.of(item, depth - 1) for item in value]
            key = (list, tuple(map(id, made)))
        elif value is None or isinstance(value, bool):
            return value
        else:
            made = value
            key = (type(value), repr(value) if isinstance(value, float) else value)
        if len(self._known) >= self._most:
            self._known.clear()  # what comes shares with what comes after it
        return self._known.setdefault(key, made)
