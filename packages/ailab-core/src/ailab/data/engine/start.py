"""The start of worker processes, by fork or otherwise."""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any

from ailab.data.engine import worker
from ailab.data.engine.faults import packed
from ailab.data.engine.ring import Ring
from ailab.data.engine.worker import Settings, Work

__all__ = ["context_of", "processes"]


def context_of(context: Any) -> Any:
    """multiprocessing's context by its name; None: the one in use; a context: itself.

    Raises:
        ValueError: there is none of this name.
    """
    if context is None or isinstance(context, str):
        return multiprocessing.get_context(context)
    return context


def processes(
    work: Work, settings: Sequence[Settings], context: Any, rings: Sequence[Ring]
) -> Iterator[tuple[Any, Connection]]:
    """Start a worker for each of ``settings``; gives the process and the connection to it.

    ``rings``: of each worker; only a forked one has what is in them already.

    Raises:
        TypeError: ``work`` cannot be pickled, and must be.
    """
    made = context_of(context)
    method = made.get_start_method()
    # Pickled once for all, and here: what fails in Process.start leaves half a process behind.
    payload: Work | bytes = work if method == "fork" else packed(work, method)
    ours: list[Connection] = []
    for each in settings:
        parent, child = made.Pipe()
        ours.append(parent)
        # A fork copies the parent's ends as well. As long as one copy is open, nobody sees the parent close it.
        others = tuple(ours) if method == "fork" else ()
        memories = rings[each.number].memories if method == "fork" else {}
        process = made.Process(
            target=worker.run,
            args=(child, payload, each, others, memories),
            name=f"ailab-worker-{each.number}",
            daemon=True,
        )
        try:
            with warnings.catch_warnings():
                # Python warns of forks beside threads since 3.12. Our children read samples and call NumPy, no more;
                # docs/decisions/0007 says what is done about datasets that lock.
                warnings.filterwarnings("ignore", r"This process \(pid=\d+\) is multi-threaded", DeprecationWarning)
                process.start()
        except BaseException:
            parent.close()
            raise
        finally:
            child.close()
        yield process, parent
