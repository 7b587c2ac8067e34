"""From the start of a process to its first value: ``main`` with the arguments MODULE FOLDER NS.

NS is the monotonic clock of whoever started the process, in ns, just before. Imports next to nothing of its own.
"""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from recording.calls import Calls

__all__ = ["main"]


def main() -> None:
    """Print the seconds and the most MiB that the process held until then."""
    name, folder, begun = sys.argv[1], sys.argv[2], int(sys.argv[3])
    module = __import__(f"recording.{name}").__dict__[name]
    found = []

    def body(calls: Calls) -> None:
        calls.value(0, 0.5)
        found.append((time.monotonic_ns() - begun) / 1e9)
        with open("/proc/self/status") as file:  # noqa: PTH123 - pathlib would be part of what is measured
            found.extend(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))

    module.session(folder, body)
    print(f'RESULT {{"seconds": {found[0]}, "megabytes": {found[1]}}}', flush=True)
