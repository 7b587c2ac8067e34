"""How values of each type become floats: found out once, as looking a value over costs more than logging it."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from operator import methodcaller
from typing import TYPE_CHECKING, Any

from ailab.experiment.values import as_float

if TYPE_CHECKING:
    import pluggy

__all__ = ["FloatConverters"]


class FloatConverters:
    """Makes floats of what is logged, and remembers by type what made them.

    Args:
        plugins: the manager whose ``ailab_to_float`` is asked for what neither Python nor NumPy calls a number.

    Attributes:
        known: type to a function that makes a number of Python of a value of that type. What it raises says no more
            than that the value must be looked at by `as_float`, whose errors name it.
    """

    def __init__(self, plugins: pluggy.PluginManager) -> None:
        self.known: dict[type, Callable[[Any], float]] = {int: float, bool: float}
        self._hook = plugins.hook.ailab_to_float

    def as_float(self, argument: str, value: object) -> float:
        """As `ailab.experiment.values.as_float`, with what the plugins know."""
        number = as_float(argument, value, self._ask)
        if type(value) is not float and type(value) not in self.known:
            found = self._converter(value)
            if found is not None:
                self.known[type(value)] = found
        return number

    def _ask(self, value: object) -> float | None:
        found: float | None = self._hook(value=value)
        return found

    def _converter(self, value: object) -> Callable[[Any], float] | None:
        if isinstance(value, float | numbers.Real):
            return float
        if type(value).__module__ == "numpy":
            return methodcaller("item")  # Python's number; of several it raises, and what is no number is refused later
        plugins = self._hook.get_hookimpls()
        if any(plugin.wrapper or plugin.hookwrapper for plugin in plugins):
            return None  # which want to see every call
        for plugin in reversed(plugins):  # the order in which they are called
            if plugin.argnames == ("value",) and plugin.function(value) is not None:
                function: Callable[[object], Any] = plugin.function
                return lambda value: float(function(value))
        return None
