"""Making a plugin manager and loading the installed plugins into it."""

from __future__ import annotations

import functools
import os
import warnings
from importlib import metadata

import pluggy

from ailab import hookspecs

__all__ = ["GROUP", "PluginWarning", "create_manager", "failures", "shared_manager"]

GROUP = "ailab"
_DISABLED = "AILAB_DISABLED_PLUGINS"


class PluginWarning(UserWarning):
    """A plugin could not be used; AI Lab goes on without it."""


class _Manager(pluggy.PluginManager):
    def __init__(self) -> None:
        super().__init__("ailab")
        self.failures: dict[str, str] = {}


def create_manager(load: bool = True) -> pluggy.PluginManager:
    """A manager that knows core's hook specs and, with ``load``, every installed plugin.

    A plugin that cannot be imported is named in a `PluginWarning` and passed over. Those named in the environment
    variable
    ``AILAB_DISABLED_PLUGINS`` (comma-separated entry-point names) are not loaded.

    Raises:
        pluggy.PluginValidationError: a plugin implements a hook that nobody declares (misspelt, most likely) or with
        other arguments.
    """
    manager = _Manager()
    manager.add_hookspecs(hookspecs)
    if load:
        _load(manager)
    return manager


@functools.cache
def shared_manager() -> pluggy.PluginManager:
    """The installed plugins, loaded when first needed and then kept for the life of the process.

    What happens all over a program (a Config is made, a run is started) asks it; whoever needs other plugins makes a
    manager of their own and
    passes it along.
    """
    return create_manager()


def failures(manager: pluggy.PluginManager) -> dict[str, str]:
    """The plugins that could not be loaded: entry-point name to reason."""
    return dict(manager.failures) if isinstance(manager, _Manager) else {}


def _load(manager: _Manager) -> None:
    disabled = {name.strip() for name in os.environ.get(_DISABLED, "").split(",") if name.strip()}
    for name in disabled:
        manager.set_blocked(name)
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda e: e.name):
        if manager.is_blocked(entry.name) or manager.has_plugin(entry.name):
            continue
        try:
            plugin = entry.load()
        except Exception as error:  # noqa: BLE001 - whatever a plugin's import raises must not stop the others
            manager.failures[entry.name] = f"{type(error).__name__}: {error}"
            warnings.warn(
                f"AI Lab plugin {entry.name!r} ({entry.value}) could not be loaded and is left out: "
                f"{type(error).__name__}: {error}. Fix or uninstall it, or set {_DISABLED}={entry.name}.",
                PluginWarning,
                stacklevel=4,
            )
            continue
        manager.register(plugin, name=entry.name)
    # Plugins may bring hook specs of their own (the server does), for which others are waiting.
    manager.hook.ailab_add_hookspecs(manager=manager)
    manager.check_pending()
