"""What went wrong in a worker, told in the main process."""

from __future__ import annotations

import pickle
import signal
import traceback
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

__all__ = ["WorkerDied", "describe_exit", "out_of_memory_kills", "packed", "portable"]

_EVENTS = Path("/sys/fs/cgroup/memory.events")

_LIKELY = {
    signal.SIGKILL: (
        "most likely by the kernel, which was out of memory: use fewer workers, smaller batches or a dataset that "
        "holds less; `dmesg` may say more"
    ),
    signal.SIGBUS: "most likely because memory or the disk was full",
    signal.SIGSEGV: "a crash in native code: num_workers=0 and `python -X faulthandler` show where",
    signal.SIGABRT: "native code gave up: its message is on stderr",
    signal.SIGTERM: "by another process, which asked it to end",
}


class WorkerDied(RuntimeError):
    """A worker process ended without a word."""


def describe_exit(number: int, pid: int | None, code: int | None, doing: str, kills_before: int | None) -> str:
    """Which worker is gone, by what, while ``doing`` what; ``code`` is `Process.exitcode`."""
    who = f"worker process {number} (pid {pid})"
    if code is None or code >= 0:
        return (
            f"{who} ended by itself with exit code {code} {doing}; "
            "something in the dataset calls sys.exit or os._exit, or the start of the process failed (see stderr)"
        )
    try:
        name = signal.Signals(-code).name
    except ValueError:  # a real-time signal
        name = f"signal {-code}"
    likely = _LIKELY.get(-code, "see stderr")  # type: ignore[call-overload]  # Signals are ints
    kills = out_of_memory_kills()
    if -code == signal.SIGKILL and kills is not None and kills_before is not None and kills > kills_before:
        likely = "by the kernel: the memory limit of this container was reached; use fewer workers or smaller batches"
    return f"{who} was killed by {name} {doing}: {likely}"


def out_of_memory_kills() -> int | None:
    """How many processes of this cgroup the kernel has killed for lack of memory; None where unknown."""
    try:
        lines = _EVENTS.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)


def portable(error: BaseException, where: str) -> BaseException:
    """``error``, or what stands for it if it cannot be pickled, with a note of its traceback ``where`` it arose."""
    text = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - made in this process, in this line
    except Exception:  # noqa: BLE001 - whatever an exception's own pickling raises
        error = RuntimeError(f"{type(error).__qualname__}: {error}")
    error.add_note(f"in {where}, whose traceback was:\n{text}")
    return error


def packed(work: tuple[Any, Any], method: str) -> bytes:
    """``work``, a loading function and what initializes it, pickled for processes started by ``method``.

    Raises:
        TypeError: one of them holds something that cannot be pickled; the message says what to do.
    """
    owner = getattr(work[0], "__self__", work[0])
    name = type(getattr(owner, "dataset", owner)).__qualname__
    try:
        return bytes(ForkingPickler.dumps(work))
    except Exception as error:
        raise TypeError(
            f"{name} cannot be sent to worker processes started by {method!r}: {error}. Define its class, its "
            "transformers and its functions at the top level of a module (no lambdas), open files in the worker "
            "instead of in __init__, or use multiprocessing_context='fork' or num_workers=0"
        ) from error
