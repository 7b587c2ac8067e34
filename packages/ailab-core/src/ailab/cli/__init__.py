"""The ``ailab`` command."""

from ailab.cli.main import main as main

__all__ = ["main"]
