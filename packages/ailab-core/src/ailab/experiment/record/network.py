"""Whether a folder lies on a file system that another machine serves, and that can therefore hang."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["is_network"]

_TYPES = {"9p", "afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "ncpfs", "smb3", "smbfs", "virtiofs"}
_MOUNTS = Path("/proc/self/mountinfo")


def is_network(folder: Path) -> bool:
    """True for NFS, SMB, FUSE and their like; False for a local disk and where the system does not say.

    Raises:
        OSError: the folder cannot be looked at.
    """
    device = os.stat(folder).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = _MOUNTS.read_text("utf-8", "replace").splitlines()
    except OSError:  # no Linux
        return False
    for line in lines:
        fields = line.split()
        if len(fields) > 4 and fields[2] == wanted and "-" in fields:
            kind = fields[fields.index("-") + 1]
            return kind in _TYPES or kind.startswith(("nfs", "fuse"))
    return False
