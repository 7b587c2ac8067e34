"""``python -m`` for what libfiu preloads: ``python under_fiu.py MODULE ARGUMENT ...``.

libfiu 1.1 looks up the malloc and realloc that it wraps with ``dlsym``, at the first call in each thread. When that is
the call in glibc's ``dlerror``, which writes its message there, ``dlsym`` frees the error that ``dlerror`` then goes on
to write to, and the thread's end finds its heap damaged::

    static void *work(void *x) { if (!dlopen("no-such-library.so", RTLD_NOW)) dlerror(); return x; }
    int main(void) { pthread_t t; pthread_create(&t, 0, work, 0); pthread_join(t, 0); return 0; }

ends with SIGSEGV under ``fiu-run -x``, and so does any Python that fails to load a library in a thread, as a server
does that asks for NVIDIA's and has none. Here each thread calls both before anything else.
"""

from __future__ import annotations

import runpy
import sys
import threading
from typing import Any


def meet(*_: Any) -> None:
    """Have this thread's malloc and realloc looked up: blocks too large for Python's own allocator."""
    sys.setprofile(None)
    block = bytearray(1 << 10)
    block.extend(bytes(1 << 14))


if __name__ == "__main__":
    threading.setprofile(meet)
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
