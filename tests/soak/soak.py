"""The soak: everything at once on one workspace, for as long as it is told."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ailab.experiment import Run as RecordedRun
from ailab.experiment.trash import Trashed, empty, trash
from soak.callers import Callers
from soak.ledger import Ledger
from soak.servers import Sample, Server, Wrong
from soak.streams import Streams
from soak.vandal import EXPERIMENT, Vandal
from soak.writers import ENDS, Run, Writers

__all__ = ["Load", "Soak"]

_FORGOTTEN_SECONDS = 45.0
"""A run that was moved to the trash must be out of the list by then."""


@dataclass(frozen=True)
class Load:
    """How much goes on.

    Attributes:
        writers: trainings at a time.
        keep: runs that are over and stay; older ones are moved to the trash and deleted, so that the server has as much
            to remember at the end as in the middle.
        damaged: runs whose files are damaged again and again.
        lookers, slow, never: browsers that come and go, that read two kilobytes a second, that never read.
        pause: mean seconds between two questions of a client.
        restart: mean seconds between two ends of the second server.
        ends, longest: how trainings end, and after how many seconds at most.
    """

    writers: int = 6
    keep: int = 80
    damaged: int = 10
    lookers: int = 4
    slow: int = 2
    never: int = 6
    pause: float = 0.5
    restart: float = 30.0
    ends: tuple[str, ...] = ENDS
    longest: float = 15.0


@dataclass
class Result:
    """What came of it. ``wrong`` must be empty.

    Attributes:
        stops: the seconds from each SIGTERM to the server's end, with streams open; and the same divided by how many
            processes there were for each processor, by the load of the last minute, if there was more than one.
    """

    samples: list[Sample] = field(default_factory=list)
    stops: list[tuple[float, float]] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


class Soak:
    """Runs a soak in the empty folder ``scratch``.

    The first server is watched and lives from beginning to end; the second, on the same workspace, is killed or stopped
    and started again now and then.
    """

    def __init__(self, scratch: Path, load: Load, seed: int) -> None:
        self._scratch = scratch
        self._load = load
        self._seed = seed
        self._random = random.Random(seed)
        self._workspace = scratch / "workspace"
        self._workspace.mkdir()
        self._told = scratch / "told"
        self._told.mkdir()
        self._result = Result()
        self._ledger = Ledger()
        self._good: list[Run] = []
        self._trashed: dict[str, float] = {}
        self._deleted = 0

    def run(self, seconds: float) -> Result:
        """Everything for so long, then an end in good order, then the last comparisons."""
        first = Server("first", self._workspace, self._scratch)
        second = Server("second", self._workspace, self._scratch)
        load, seed = self._load, self._seed
        self._vandal = Vandal(self._workspace, load.damaged, seed)
        self._writers = Writers(self._workspace, self._told, load.writers, seed, load.ends, load.longest)
        streams = Streams(first, load.lookers, load.slow, load.never, seed)
        callers = Callers([(first, False), (second, True)], str(self._scratch), load.pause, seed)
        restarter = threading.Thread(target=self._restart, args=(second,), name="soak-restarts")
        self._over = threading.Event()
        restarter.start()
        self._began = time.monotonic()
        cpu = first.cpu()
        try:
            while time.monotonic() < self._began + seconds:
                self._round(first)
                self._over.wait(1.0)
            took = time.monotonic() - self._began
            self._result.counts["first server, % of a core"] = round(100 * (first.cpu() - cpu) / took, 1)
        finally:
            self._over.set()
            self._writers.stop()
            callers.stop()
            restarter.join()
        self._finish(first, second, streams)
        streams.stop()
        self._sum_up(streams, callers, [first, second])
        return self._result

    def _round(self, server: Server) -> None:
        """Once a second: measure, check what is over, tidy up, damage something."""
        self._check(server)
        self._vandal.strike([run.folder for run in self._good if len(run.segments) == 1])
        self._tidy()

    def _check(self, server: Server) -> None:
        caller = server.caller()
        try:
            rows = caller.runs()
            if not self._over.is_set():
                self._result.samples.append(server.sample(time.monotonic() - self._began, len(rows)))
            now = time.monotonic()
            for name, when in list(self._trashed.items()):
                if name not in rows:
                    del self._trashed[name]
                elif now - when > _FORGOTTEN_SECONDS:
                    self._result.wrong.append(f"{name}: was moved to the trash and is still listed")
                    del self._trashed[name]
            with self._writers.lock:
                waiting = [run for run in self._writers.runs.values() if run.segments and run.over and not run.checked]
            for run in waiting:
                if self._ledger.check(run, rows.get(run.name), caller):
                    run.checked = True
                    if run.name in rows:
                        self._good.append(run)
        except Wrong as wrong:
            self._result.wrong.append(str(wrong))
        finally:
            caller.close()

    def _tidy(self) -> None:
        """Move the oldest runs to the trash, as ``ailab rm`` does, and empty it."""
        while len(self._good) > self._load.keep:
            run = self._good.pop(0)
            gone = trash(self._workspace, RecordedRun(run.folder), force=True)
            empty(Trashed(gone, 0.0, ""))
            self._trashed[run.name] = time.monotonic()
            self._deleted += 1
            for segment in run.segments:
                Path(segment.plan.told).unlink()
            with self._writers.lock:
                run.segments.clear()

    def _restart(self, server: Server) -> None:
        """End the second server, one way or the other, and see that the next one knows what it must."""
        while not self._over.wait(self._random.uniform(0.5, 1.5) * self._load.restart):
            try:
                self._stop(server, self._random.choice((signal.SIGKILL, signal.SIGTERM)))
                known = [run.name for run in self._good]
                server.start()
                self._await_runs(server, known)
            except (Wrong, OSError) as error:
                self._result.wrong.append(f"after a restart: {error}")

    def _stop(self, server: Server, number: signal.Signals) -> None:
        crowd = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        took = server.stop(number)
        if number == signal.SIGTERM:
            self._result.stops.append((took, took / crowd))

    def _await_runs(self, server: Server, names: list[str]) -> None:
        end = time.monotonic() + 20.0
        caller = server.caller()
        while missing := [name for name in names if name not in (rows := caller.runs()) and self._there(name)]:
            if time.monotonic() > end:
                raise Wrong(f"{len(missing)} of {len(rows)} runs are unknown 20 s after the start: {missing[:3]}")
            time.sleep(0.2)
        caller.close()

    def _there(self, name: str) -> bool:
        return (self._workspace / "soak" / name / "run.json").exists()

    def _finish(self, first: Server, second: Server, streams: Streams) -> None:
        """Wait until everything is checked, then compare what the servers and the follower of a stream say."""
        end = time.monotonic() + 120.0
        while time.monotonic() < end:
            self._check(first)
            with self._writers.lock:
                if all(run.checked or not run.segments for run in self._writers.runs.values()):
                    break
            time.sleep(0.5)
        else:
            self._result.wrong.append("not every run could be checked in the end")
        shutil.rmtree(self._workspace / EXPERIMENT)
        end = time.monotonic() + 60.0
        while (difference := self._difference(first, second, streams)) and time.monotonic() < end:
            time.sleep(0.5)
        if difference:
            self._result.wrong.append(difference)
        streams.server_ends()
        for server in (first, second):
            self._stop(server, signal.SIGTERM)

    def _difference(self, first: Server, second: Server, streams: Streams) -> str:
        """Where the two servers' lists, the follower's and the folders differ."""

        def told(rows: Any) -> dict[str, Any]:
            return {row["name"]: (row["state"], row["damaged"], (row["primary"] or {}).get("last")) for row in rows}

        one, two = first.caller(), second.caller()
        try:
            lists = {"first": told(one.runs().values()), "second": told(two.runs().values())}
        finally:
            one.close()
            two.close()
        lists["follower"] = told(list(streams.known.values()))
        there = {run.name for run in (self._workspace / "soak").iterdir() if (run / "run.json").exists()}
        if set(lists["first"]) != there:
            return f"runs listed and runs that are there differ: {sorted(set(lists['first']) ^ there)[:5]}"
        for name in ("second", "follower"):
            if lists[name] != lists["first"]:
                odd = {key for key in lists[name].keys() | lists["first"].keys()
                       if lists[name].get(key) != lists["first"].get(key)}  # fmt: skip
                some = sorted(odd)[0]
                return f"{name} differs in {len(odd)} runs: {some}: {lists[name].get(some)}, {lists['first'].get(some)}"
        return ""

    def _sum_up(self, streams: Streams, callers: Callers, servers: list[Server]) -> None:
        result, ledger, writers = self._result, self._ledger, self._writers
        result.wrong += ledger.wrong + writers.odd + streams.wrong + callers.wrong
        for server in servers:
            text = server.log.read_text(errors="replace")
            if count := text.count("Traceback (most recent call last)"):
                where = text.index("Traceback (most recent call last)")
                result.wrong.append(
                    f"server {server.name} logged {count} tracebacks: ...{text[where - 300 : where + 1500]}"
                )
        result.counts |= {
            "runs": {"started": len(writers.runs), "checked": ledger.runs, "deleted": self._deleted, **writers.ends},
            "values": {"told": ledger.told, "found": ledger.found, "lost": ledger.lost, "one more": ledger.extra},
            "images": ledger.images,
            "texts": ledger.texts,
            "damaged runs": self._vandal.made,
            "damages": self._vandal.damages,
            "second server's starts": servers[1].starts,
            "streams": dict(sorted(streams.counts.items())),
            "answers": dict(sorted(callers.counts.items())),
        }
