"""Keeping what thousands of runs have in common once."""

from array import array
from typing import Any

__all__ = ["Sharing"]

_MOST = 10_000
_DEEPEST = 64


class Sharing:
    """Makes equal parts of parsed JSON one object. The runs of a sweep differ in a few leaves; all else is equal.

    What it returns is shared: nobody may change it. Not safe for several threads at once.

    Args:
        most: remember about so many parts; those that were not met for longest are forgotten.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: dict[Any, Any] = {}
        self._older: dict[Any, Any] = {}

    def of(self, value: Any, depth: int = _DEEPEST) -> Any:
        """``value``, or what is equal to it and was met before. Deeper than 64 levels it is taken as it is."""
        if depth == 0 or value is None or value is True or value is False:
            return value
        # Parts are shared first, so that equal wholes are those of the same objects; which live as long as the whole.
        if isinstance(value, dict):
            if set(map(type, value.values())) == {str}:  # such as the versions of a hundred packages
                return self._same((dict, tuple(value), tuple(value.values())), dict(value))
            made: Any = {self.of(name): self.of(item, depth - 1) for name, item in value.items()}
            ids = [id(part) for pair in made.items() for part in pair]
            return self._same((dict, array("Q", ids).tobytes()), made)
        if isinstance(value, list):
            made = [self.of(item, depth - 1) for item in value]
            return self._same((list, array("Q", map(id, made)).tobytes()), made)
        if isinstance(value, float):
            return self._same((float, repr(value)), value)  # -0.0 is not 0.0, and NaN is itself
        return self._same((type(value), value), value)

    def _same(self, key: Any, made: Any) -> Any:
        found = self._known.get(key, self)
        if found is not self:
            return found
        if len(self._known) >= self._most:
            self._known, self._older = {}, self._known
        found = self._known[key] = self._older.get(key, made)
        return found
