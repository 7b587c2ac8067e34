"""Starts trainings, kills some at random instants, resumes some of those, and remembers what each was told."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from soak.writer import Plan, Told

__all__ = ["ENDS", "Run", "Segment", "Writers"]

ENDS = ("finish", "finish", "fail", "term", "kill", "kill", "kill")
"""How trainings end, in these proportions."""


@dataclass
class Segment:
    """One process of a run. ``code`` is how it ended, None while it lives; ``kill_at`` is on the monotonic clock."""

    plan: Plan
    process: subprocess.Popen[bytes]
    kill_at: float
    ended: float | None = None

    @property
    def told(self) -> Told:
        return Told.read(self.plan.told)


@dataclass
class Run:
    """A run of the soak: its segments in order."""

    name: str
    folder: Path
    segments: list[Segment] = field(default_factory=list)
    resume: bool = False
    checked: bool = False

    @property
    def last(self) -> Segment:
        return self.segments[-1]

    @property
    def over(self) -> bool:
        return self.last.ended is not None and not self.resume

    @property
    def state(self) -> str | None:
        """What the server must come to say; None where the process may have died before it could tell anyone."""
        told = self.last.told
        if not told.started:
            return None
        return {"finish": "finished", "fail": "failed", "term": "killed", "kill": "stale"}[self.last.plan.end]


class Writers:
    """Keeps ``count`` trainings going until `stop`."""

    def __init__(
        self, workspace: Path, scratch: Path, count: int, seed: int, ends: Sequence[str] = ENDS, longest: float = 15.0
    ) -> None:
        self.runs: dict[str, Run] = {}
        self.lock = threading.Lock()
        self.ends: dict[str, int] = dict.fromkeys(("finish", "fail", "term", "kill", "resumed"), 0)
        self.odd: list[str] = []
        self._workspace = workspace
        self._scratch = scratch
        self._count = count
        self._choices = ends
        self._longest = longest
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._log = (scratch / "writers.log").open("ab")
        self._thread = threading.Thread(target=self._keep, name="soak-writers")
        self._thread.start()

    def stop(self) -> None:
        """Start no more; those that run come to their end."""
        self._stop.set()
        self._thread.join()
        for run in self.runs.values():
            run.resume = False
        self._log.close()

    def living(self) -> list[Segment]:
        with self.lock:
            return [run.last for run in self.runs.values() if run.segments and run.last.ended is None]

    def _keep(self) -> None:
        next_start = 0.0
        while not self._stop.is_set() or self.living():
            living = self.living()
            for segment in living:
                self._look(segment)
            now = time.monotonic()
            if not self._stop.is_set() and len(living) < self._count and now >= next_start:
                next_start = now + 0.3
                self._start()
            time.sleep(0.005)

    def _look(self, segment: Segment) -> None:
        process, end = segment.process, segment.plan.end
        if time.monotonic() >= segment.kill_at and process.poll() is None:
            process.send_signal(signal.SIGKILL if end == "kill" else signal.SIGTERM)
            segment.kill_at = float("inf")
        if process.poll() is None:
            return
        expected = {"finish": 0, "fail": 1, "kill": -signal.SIGKILL}.get(end)
        if expected is not None and process.returncode != expected:
            self.odd.append(f"{segment.plan.run}: a training that was to {end} ended with {process.returncode}")
        if end == "term" and process.returncode == 0:
            self.odd.append(f"{segment.plan.run}: SIGTERM was taken for a good end")
        with self.lock:
            segment.ended = time.monotonic()
            self.ends[end] += 1

    def _start(self) -> None:
        with self.lock:
            waiting = [run for run in self.runs.values() if run.resume and run.last.ended is not None]
            if waiting and self._random.random() < 0.5:
                run = waiting[0]
                run.resume = False
                self.ends["resumed"] += 1
            else:
                name = f"run{len(self.runs):05d}"
                run = self.runs[name] = Run(name, self._workspace / "soak" / name)
        end = self._random.choice(self._choices)
        seconds = self._random.uniform(0.1, 1.0) * self._longest
        burst, pause = self._random.choice([(1, 0.02), (20, 0.1), (5000, 0.5), (1, 0.2)])
        segment = len(run.segments) + 1
        plan = Plan(
            workspace=str(self._workspace), experiment="soak", run=run.name, segment=segment,
            told=str(self._scratch / f"{run.name}.{segment}"), end=end,
            seconds=seconds if end in ("finish", "fail") else 1000.0, burst=burst, pause=pause,
            system=self._random.random() < 0.3,
        )  # fmt: skip
        Path(plan.told).write_bytes(bytes(48))
        # From the first instants of its start on.
        kill_at = time.monotonic() + self._random.uniform(0.05, seconds) if plan.seconds > 100 else float("inf")
        command = [sys.executable, str(Path(__file__).with_name("writer.py")), plan.as_json()]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        with self.lock:
            run.segments.append(Segment(plan, process, kill_at))
            run.resume = end == "kill" and segment < 3 and self._random.random() < 0.3 and not self._stop.is_set()
