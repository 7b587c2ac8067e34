"""Reading the workspace: a thread follows its runs and publishes immutable summaries.

Routes ask for the rest.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ailab_server.workspace.workspace import Workspace as Workspace

__all__ = ["Workspace"]


def __getattr__(name: str) -> Any:
    # Late: a helper that reads runs needs none of what a whole workspace does.
    if name != "Workspace":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ailab_server.workspace.workspace import Workspace

    return Workspace
