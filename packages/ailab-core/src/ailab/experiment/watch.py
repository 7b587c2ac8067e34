"""Noticing how the process of a run ends: normally, by an exception, by Ctrl-C, by SIGTERM; and when it forks."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import traceback
import weakref
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import NoReturn, Protocol

__all__ = ["how_it_ended", "watch"]


class _Watched(Protocol):
    def finish(self, state: str = ..., error: str | None = ..., traceback: str | None = ...) -> None: ...

    def forked(self) -> None: ...


def watch(run: _Watched) -> Callable[[], None]:
    """Call ``run.finish`` as the process ends, and ``run.forked`` in forked children. Returns what ends the watching.

    SIGTERM is handled only where nobody else does (and only from the main thread, as Python demands); the process then
    dies of it as before.
    """
    previous_hook, previous_exit = sys.excepthook, sys.exit
    exit_status: list[object] = []

    def on_sys_exit(status: object = None, /) -> NoReturn:
        # SystemExit reaches no excepthook and atexit is not told the status, so it is noted where it is made.
        if threading.current_thread() is threading.main_thread():  # elsewhere it ends the thread only
            exit_status[:] = [status]
        previous_exit(status)  # type: ignore[arg-type]

    def on_exception(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        try:
            run.finish(*how_it_ended(error))
        finally:
            previous_hook(kind, error, where)

    def on_exit() -> None:
        run.finish(*how_it_ended(SystemExit(*exit_status)))

    def on_terminate(number: int, frame: FrameType | None) -> None:
        run.finish("killed", "ended with SIGTERM")
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)

    sys.excepthook = on_exception
    sys.exit = on_sys_exit
    atexit.register(on_exit)
    handles_term = (
        threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if handles_term:
        signal.signal(signal.SIGTERM, on_terminate)
    _forking.add(run)

    def stop() -> None:
        if sys.excepthook is on_exception:
            sys.excepthook = previous_hook
        if sys.exit is on_sys_exit:
            sys.exit = previous_exit
        atexit.unregister(on_exit)
        if (
            handles_term
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGTERM) is on_terminate
        ):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _forking.discard(run)

    return stop


def how_it_ended(error: BaseException | None) -> tuple[str, str | None, str | None]:
    """The state, the line of error and the traceback of a run that an exception (None: nothing) ended."""
    match error:
        case None:
            return "finished", None, None
        case KeyboardInterrupt():
            return "killed", "interrupted with Ctrl-C", None
        case SystemExit(code=None | 0 | False):
            return "finished", None, None
        case SystemExit(code=code):
            return "failed", f"sys.exit({code!r})", None
        case _:
            text = "".join(traceback.format_exception(error))
            return "failed", traceback.format_exception_only(error)[-1].strip(), text


_forking: weakref.WeakSet[_Watched] = weakref.WeakSet()


def _after_fork() -> None:
    for run in list(_forking):
        run.forked()


os.register_at_fork(after_in_child=_after_fork)
