"""How much of the disk runs take: measured in the background, gently, and kept on the local disk."""

import hashlib
import json
import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ailab.experiment.record.files import replace_file
from ailab_server.workspace import Workspace

__all__ = ["Measured", "StorageWatch", "sizes"]

_log = logging.getLogger(__name__)

_FIRST_SECONDS = 5.0
_AGAIN_SECONDS = 10.0
_LIVE_SECONDS = 300.0
_OVER_SECONDS = 24 * 3600.0
_SHARED_SECONDS = 900.0
_SAVE_SECONDS = 60.0
_ENTRIES_AT_ONCE = 200
_LONGEST_PAUSE = 5.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run takes, in bytes of the disk, as at ``time``; ``over``: it had ended by then."""

    bytes: int
    files: int
    user: str
    time: float
    over: bool


def sizes(folder: str) -> Iterator[int]:
    """For each file and folder below ``folder``, what it takes of the disk in bytes (du's, not ls's, numbers).

    Links are not followed, and what goes meanwhile is passed over. A file with several names counts each time.
    """
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    if stat.S_ISDIR(found.st_mode):
                        waiting.append(entry.path)
                    yield found.st_blocks * 512
        except OSError:
            continue


class StorageWatch:
    """Measures each run once it is known, every five minutes while it runs, once when it has ended, and daily then.

    A run of ten files costs some ten requests to a share. Between two runs it waits, so that it takes at most a
    four-hundredth of a processor, and a fifth of the time of a share that is slow to answer. Everything else answers at
    once, from what is known.

    Args:
        cache: the local folder where the numbers are kept for the next start; None: nowhere.
        pause: waits so long between two runs, given the seconds of processor and of all time that one took.
    """

    def __init__(
        self,
        workspace: Workspace,
        cache: Path | None,
        first_seconds: float = _FIRST_SECONDS,
        pause: Callable[[float, float], float] = lambda processor, wall: max(400 * processor, 4 * wall),
    ) -> None:
        self._workspace = workspace
        key = hashlib.sha256(os.fsencode(workspace.root.absolute())).hexdigest()[:20]
        self._file = None if cache is None else cache / f"storage-{key}.json"
        self._first_seconds = first_seconds
        self._pause = pause
        self._measured: dict[str, Measured] = {}
        self._shared: dict[str, Measured] = {}
        self._complete = False
        self._saved = time.monotonic()
        self._unsaved = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="ailab-storage", daemon=True)

    def start(self) -> None:
        """Begin, a few seconds later."""
        self._thread.start()

    def close(self) -> None:
        """Measure no more; a share that hangs is left to itself."""
        self._stop.set()

    @property
    def complete(self) -> bool:
        """Whether every run that there is has been measured."""
        return self._complete and self._workspace.places().keys() <= self._measured.keys()

    def runs(self) -> dict[str, Measured]:
        """Id → what a run takes, for those that are there and have been measured."""
        measured = self._measured.copy()
        return {id: measured[id] for id in self._workspace.places() if id in measured}

    def shared(self) -> Mapping[str, Measured]:
        """What the workspace holds beside its runs: ``trash``, and ``code`` that runs have in common."""
        return self._shared.copy()

    def _follow(self) -> None:
        self._stop.wait(self._first_seconds)
        self._load()
        while not self._stop.is_set():
            try:
                self._round()
            except Exception:  # noqa: BLE001 - the thread must live on
                _log.exception("measuring the workspace failed; trying again")
            self._stop.wait(_AGAIN_SECONDS)

    def _round(self) -> None:
        places = self._workspace.places()
        for id, folder in self._due(places):
            if self._stop.is_set() or not self._workspace.available:
                return
            run = self._workspace.glance(id)
            summary = self._workspace.summary(id)
            if run is None or summary is None:
                continue
            over = run.state != "running"
            measured = self._measure(folder, summary.user, over)
            if measured.files:  # else its folder cannot be read at the moment
                self._measured[id] = measured
                self._unsaved = True
                self._save()
        root = self._workspace.root
        for name, place in (("trash", root / ".trash"), ("code", root / ".ailab")):
            known = self._shared.get(name)
            if known is None or time.time() - known.time > _SHARED_SECONDS:
                self._shared[name] = self._measure(str(place), "", True)
        self._complete = self._workspace.wait_until_read(0)
        if self._complete:  # until then nobody knows which runs are gone
            for id in self._measured.keys() - self._workspace.places().keys():
                del self._measured[id]
                self._unsaved = True
        self._save(at_once=True)

    def _due(self, places: Mapping[str, str]) -> list[tuple[str, str]]:
        now = time.time()
        found = []
        for id, folder in places.items():
            known = self._measured.get(id)
            if known is None:
                found.append((id, folder))
                continue
            age = now - known.time
            run = self._workspace.glance(id)
            ended = not known.over and run is not None and run.state != "running"
            if ended or not 0 <= age < (_OVER_SECONDS if known.over else _LIVE_SECONDS):
                found.append((id, folder))
        return found

    def _measure(self, folder: str, user: str, over: bool) -> Measured:
        began = time.time()
        total = count = 0
        processor, wall = time.thread_time(), time.monotonic()
        for size in sizes(folder):
            total += size
            count += 1
            if count % _ENTRIES_AT_ONCE == 0:
                self._rest(processor, wall)
                processor, wall = time.thread_time(), time.monotonic()
        self._rest(processor, wall)
        return Measured(total, count, user, began, over)

    def _rest(self, processor: float, wall: float) -> None:
        pause = self._pause(time.thread_time() - processor, time.monotonic() - wall)
        self._stop.wait(min(_LONGEST_PAUSE, pause))

    def _load(self) -> None:
        if self._file is None:
            return
        try:
            kept = json.loads(self._file.read_bytes())
            self._measured = {str(id): Measured(**fields) for id, fields in kept.items()}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError, AttributeError) as error:
            _log.warning("%s cannot be read, its runs are measured anew: %s", self._file, error)

    def _save(self, at_once: bool = False) -> None:
        if self._file is None or not self._unsaved or not (at_once or time.monotonic() - self._saved > _SAVE_SECONDS):
            return
        self._saved, self._unsaved = time.monotonic(), False
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._file, json.dumps({id: asdict(one) for id, one in self._measured.items()}).encode())
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._file, error.strerror)
