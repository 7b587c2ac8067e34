"""That memory which was freed goes back: in a process of its own, since the setting holds for all of one."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")

WORK = """
import ctypes, os, sys, threading
libc = ctypes.CDLL(None)
if not hasattr(libc, "malloc_stats"):
    sys.exit(77)
if sys.argv[1] == "spare":
    from ailab_server.memory import spare_memory
    spare_memory()
import numpy as np
together = threading.Barrier(8)
def work():
    together.wait()
    kept = [bytearray(2000 + number) for number in range(2000)]
    together.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE")
np.ones(3 << 20)  # 24 MB: freed, and glibc would now keep what is smaller
before = resident()
arrays = [np.ones(1 << 18) for _ in range(20)]  # of 2 MB
last = bytearray(4000)  # keeps the heap from shrinking
del arrays
print(resident() - before)
sys.stdout.flush()
libc.malloc_stats()
"""


def measured(how: str) -> tuple[int, int]:
    """How many arenas there are, and how many bytes were not given back."""
    done = subprocess.run([sys.executable, "-c", WORK, how], capture_output=True, text=True, timeout=60)
    if done.returncode == 77:
        pytest.skip("this C library is not glibc")
    assert done.returncode == 0, done.stderr
    return len(re.findall(r"^Arena \d+:", done.stderr, re.MULTILINE)), int(done.stdout)


def test_few_arenas_and_nothing_large_kept() -> None:
    arenas, kept = measured("spare")
    assert arenas <= 2
    assert kept < 4 << 20


def test_the_c_library_alone_does_otherwise() -> None:
    """So that the test above shows something."""
    assert measured("not")[0] > 2
