"""AI Lab's server: reads a workspace, shows its runs live, hands out this machine's GPUs."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("ailab-server")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "unknown"
