"""Writing into a workspace whose content others made."""

import errno
from pathlib import Path

__all__ = ["check_no_links"]


def check_no_links(root: Path, folder: Path) -> None:
    """Check each step from ``root``, itself excepted, down to ``folder``.

    Raises:
        OSError: one is a link, which may lead anywhere.
    """
    step = root
    for name in folder.relative_to(root).parts:
        step = step / name
        if step.is_symlink():
            raise OSError(errno.ELOOP, "nothing is written through a link", str(step))
