"""In the guest: the folder that is exported, seen through two clients that know nothing of each other."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

__all__ = ["DISK", "both"]

DISK = Path("/srv/disk")
_CLIENTS = Path("/run/clients")


@contextmanager
def both(version: str) -> Iterator[tuple[Path, Path]]:
    """The writer's mount and the reader's, each from a network and under a host name of its own.

    Args:
        version: of NFS: 3, 4.0, 4.1 or 4.2.
    """
    with ExitStack() as stack:
        yield stack.enter_context(_mounted("writer", version)), stack.enter_context(_mounted("reader", version))


@contextmanager
def _mounted(client: str, version: str) -> Iterator[Path]:
    folder = Path("/srv") / client
    folder.mkdir(exist_ok=True)
    address = (_CLIENTS / f"{client}.server").read_text().strip()
    # The server's folder is the root of its version 4; of version 3 there is no such thing. Nothing here takes locks.
    source, options = (f"{address}:{DISK}/export", ",nolock") if version == "3" else (f"{address}:/", "")
    inside = ["nsenter", f"--net={_CLIENTS}/{client}.net", f"--uts={_CLIENTS}/{client}.uts"]
    mount = ["mount", "-t", "nfs", "-o", f"vers={version},hard,nosharecache{options}", source, str(folder)]
    subprocess.run([*inside, *mount], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
