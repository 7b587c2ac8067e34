"""What the server registers as a plugin: its hook specs, the executor for this machine, where the page is.

Training programs load this module too, with all other plugins: it imports nothing heavy.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ailab.plugins import create_manager, hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pluggy

    from ailab_server.config import ServerConfig
    from ailab_server.config.parts import Notify
    from ailab_server.notify.watch import Notification
    from ailab_server.scheduler.executor import Executor


__all__ = ["server_manager"]


@hookimpl
def ailab_add_hookspecs(manager: pluggy.PluginManager) -> None:
    """Declare the server's hooks."""
    from ailab_server import hookspecs

    manager.add_hookspecs(hookspecs)


@hookimpl(trylast=True)
def ailab_executor(config: ServerConfig) -> Executor | None:
    """Run tasks on this machine, unless a plugin has somewhere else, or the config names another executor."""
    if config.executor != "local":
        return None
    from ailab_server.scheduler.local import LocalExecutor

    return LocalExecutor(None if config.state_dir is None else Path(config.state_dir))


@hookimpl(trylast=True)
def ailab_notify(config: Notify, notifications: Sequence[Notification]) -> None:
    """Tell the chats and mailboxes that the config names."""
    from ailab_server.notify.deliver import deliver

    deliver(config, notifications)


@hookimpl(trylast=True)
def ailab_ui_folder() -> Path | None:
    """The page of the distribution ailab-ui, if it is installed."""
    try:
        import ailab_ui
    except ModuleNotFoundError:
        return None
    return ailab_ui.static_folder()


def server_manager() -> pluggy.PluginManager:
    """The installed plugins, this module among them whatever the installation's metadata say."""
    from ailab_server import hooks

    manager = create_manager()
    if not manager.is_registered(hooks):
        manager.unblock("server")
        manager.register(hooks, name="server")
        ailab_add_hookspecs(manager)
    return manager
