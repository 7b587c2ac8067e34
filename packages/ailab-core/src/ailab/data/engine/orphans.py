"""The end of a worker whose parent is gone, however that went."""

from __future__ import annotations

import os
import select
import signal
import threading
import time

__all__ = ["end_with"]

_INTERVAL = 0.5  # seconds, where the system cannot tell by itself


def end_with(parent: int) -> None:
    """End this process as soon as the process ``parent`` has ended; a thread waits for that.

    The end of a pipe would not do: processes that were forked later hold copies of its other end. Nor does
    prctl's PR_SET_PDEATHSIG, which speaks of the end of the thread that forked.
    """
    threading.Thread(target=_wait, args=(parent,), name="ailab-parent", daemon=True).start()


def _wait(parent: int) -> None:
    try:
        descriptor = os.pidfd_open(parent)
    except ProcessLookupError:
        pass
    except (AttributeError, OSError):  # not Linux, or an old one
        while _lives(parent):
            time.sleep(_INTERVAL)
    else:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll()
    os.kill(os.getpid(), signal.SIGKILL)  # sys.exit would end this thread alone


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
