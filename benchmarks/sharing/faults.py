"""In the guest: the tests that need a real share, on one version of NFS. ``share.py --faults`` starts it there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sharing.clients import both


def main() -> int:
    with both(sys.argv[1]) as (writer, reader):
        variables = {"AILAB_FAULTS": "1", "AILAB_NFS_WRITER": str(writer), "AILAB_NFS_READER": str(reader)}
        # What takes a second elsewhere takes half a minute in here.
        tests = Path(__file__).parents[2] / "tests/faults/test_nfs.py"
        pytest = [sys.executable, "-m", "pytest", str(tests), "-p", "no:cacheprovider", "-v"]
        options = ["-o", "timeout=400", *sys.argv[2:]]
        return subprocess.run([*pytest, *options], env={**os.environ, **variables}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
