"""AI Lab's server: reads a workspace, shows its runs live, hands out this machine's GPUs."""

from typing import Any

__all__ = ["__version__"]

__version__: str


def __getattr__(name: str) -> Any:
    # Late: a training imports ailab_server.hooks, and with it this, before its first value, and needs no version.
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("ailab-server")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "unknown"
