"""The built static site of AI Lab, and where it lies."""

from pathlib import Path

__all__ = ["static_folder"]


def static_folder() -> Path:
    """The folder that holds ``index.html`` and the site's assets."""
    return Path(__file__).parent / "static"
