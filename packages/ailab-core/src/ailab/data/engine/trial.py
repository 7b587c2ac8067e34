"""Workers that nobody has asked for: their first batch shows whether the dataset bears them."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ailab.data.batches.skipping import Thinned
from ailab.data.batches.structure import map_arrays
from ailab.data.engine.faults import WorkerDied
from ailab.data.engine.stream import Stream
from ailab.data.engine.worker import Key, Load

__all__ = ["Sight", "Trial", "same_rows"]


class Sight:
    """What reading in this process has shown of the first batch.

    Attributes:
        rows: a batch of its first samples; None: nothing that could be compared.
        whole: they are all of its samples.
    """

    def __init__(self, rows: Any, whole: bool) -> None:
        self.rows = rows
        self.whole = whole


class Trial(Stream):
    """The batches of a stream, or of this process if the stream's first batch fails, hangs or is not the right one.

    A forked process has only the thread that forked: where another held a lock, of OpenMP, TensorFlow or a
    database driver, it is held for ever. A GPU cannot be used in it. Threads may share what one at a time should
    use. Somebody who has asked for workers gets an error for that; others shall not notice but for a warning.

    Args:
        open: makes the stream for keys.
        keys: of the batches.
        load: makes a batch in this process.
        seen: of the first batch.
        failed: called if this process goes on by itself.
    """

    def __init__(
        self,
        open: Callable[[Iterable[Key]], Stream],
        keys: Iterator[Key],
        load: Load,
        seen: Sight,
        failed: Callable[[], object],
    ) -> None:
        self._keys = keys
        self._pending: deque[Key] = deque()  # the stream has them and has not yet given their batches
        self._load = load
        self._seen: Sight | None = seen
        self._failed = failed
        self._tried = False
        self._ready: deque[Any] = deque()
        self._stream: Stream | None = open(self._noted())

    def __next__(self) -> Any:
        if self._tried and self._stream is not None:
            return next(self._stream)
        if self._seen is not None and self._seen.whole:
            first, self._seen = self._seen.rows, Sight(self._seen.rows, whole=False)
            self._ready.append(first)  # once more, to be dropped after the comparison
            return first
        if not self._tried:
            self._try()
        if self._ready:
            return self._ready.popleft()
        if self._stream is not None:
            return next(self._stream)
        epoch, indices = self._pending.popleft() if self._pending else next(self._keys)
        return self._load(indices, epoch)

    def close(self) -> None:
        stream, self._stream = getattr(self, "_stream", None), None
        if stream is not None:
            stream.close()
            self._tried = True
            self._seen = None
            self._ready.clear()
            self._pending.clear()
            self._keys = iter(())

    def _try(self) -> None:
        """Take the first batch of the stream, and leave in ``_ready`` what is to be given out."""
        assert self._stream is not None
        given = bool(self._ready)  # the first batch is with the consumer already
        seen, self._seen = self._seen, None
        try:
            batch = next(self._stream)
            problem = (
                None
                if seen is None or seen.rows is None or same_rows(seen.rows, batch)
                else "their first batch differs from the one made in this process"
            )
        except (StopIteration, WorkerDied):
            self.close()
            raise
        except Exception as error:  # noqa: BLE001 - raised again below if it is the dataset's
            batch, problem = None, f"they failed: {type(error).__qualname__}: {error}"
        self._tried = True
        if problem is None:
            self._pending.clear()
        else:
            self._stream.close()
            self._stream = None
            epoch, indices = self._pending.popleft()
            batch = self._ready[0] if given else self._load(indices, epoch)  # raises what the dataset raises
            self._failed()
            warnings.warn(
                f"workers were chosen to make batches, but {problem}; batches are made in this process instead, "
                "which is slower. num_workers=0 does so without a warning",
                RuntimeWarning,
                stacklevel=4,
            )
        self._ready.clear()
        if not given:
            self._ready.append(batch)

    def _noted(self) -> Iterator[Key]:
        for key in self._keys:
            if not self._tried:
                self._pending.append(key)
            yield key


def same_rows(rows: Any, batch: Any) -> bool:
    """Whether the arrays of ``batch`` begin with ``rows``, another batch of fewer samples or as many, bit for bit."""
    ours, theirs = _arrays(rows), _arrays(batch.batch if type(batch) is Thinned else batch)
    return len(ours) == len(theirs) and all(map(_begins, theirs, ours))


def _arrays(batch: Any) -> list[Any]:
    found: list[Any] = []
    map_arrays(found.append, batch)
    return found


def _begins(array: Any, rows: Any) -> bool:
    if not (isinstance(array, np.ndarray) and isinstance(rows, np.ndarray)):
        return False
    if rows.dtype.hasobject:  # from a dataset's own `__getitems__`: nothing to compare byte by byte
        return False
    part = array[: len(rows)]
    return part.dtype == rows.dtype and part.shape == rows.shape and np.array_equal(_bytes(part), _bytes(rows))


def _bytes(array: Any) -> Any:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)  # NaN is not equal to itself, its bytes are
