"""What is measured of each library: its calls, its start, its size, reading back, and what ``kill -9`` takes."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recording.child import COUNTER
from recording.peers import OURS, Peer
from recording.running import Failed, ended, job, launch, run, said, start

__all__ = ["FULL", "QUICK", "Settings", "calls_and_start", "losses", "size_and_reading"]

MILLION = 1_000_000


@dataclass(frozen=True)
class Settings:
    """How much of everything.

    Attributes:
        rounds: of the calls and the starts, everybody in turn; the best counts.
        calls, call_seconds: at most so many calls of a kind, and for so long.
        points, write_seconds: at most so many values are written to be read back, and for so long.
        read_seconds: reading is tried again as often as fits.
        kills: of a peer, at each pace; ``our_kills`` of AI Lab.
        longest: seconds from the first value to a peer's kill; ``our_longest`` to one of AI Lab's.
    """

    rounds: int
    calls: int
    call_seconds: float
    points: int
    write_seconds: float
    read_seconds: float
    kills: int
    our_kills: int
    longest: float
    our_longest: float


FULL = Settings(3, 20_000, 1.0, MILLION, 8.0, 1.0, 3, 50, 2.5, 0.6)
QUICK = Settings(1, 2_000, 0.3, 20_000, 1.0, 0.1, 1, 2, 0.5, 0.2)


@contextmanager
def place(disk: Path) -> Iterator[tuple[Path, Path]]:
    """Two new folders: the home of a process, and where it logs to."""
    home = Path(tempfile.mkdtemp(prefix="logs-", dir=disk))
    try:
        (home / "runs").mkdir()
        yield home, home / "runs"
    finally:
        shutil.rmtree(home, ignore_errors=True)  # a helper that is slow to die may still write there


def calls_and_start(python: str, peer: Peer, disk: Path, settings: Settings) -> dict[str, Any]:
    """One round: ``value``, ``ten``, ``image`` (median_us, mean_us, calls), ``finish_s``, ``start``."""
    with place(disk) as (home, runs):
        order = {"folder": str(runs), "n": settings.calls, "seconds": settings.call_seconds}
        found = run(job(python, peer, "calls", **order), home)
    with place(disk) as (home, runs):
        found["start"] = run(start(python, peer, runs), home)
    return found


def size_and_reading(python: str, peer: Peer, disk: Path, settings: Settings) -> dict[str, Any]:
    """``size`` (bytes_a_point) and ``read`` (seconds_a_million), of a run as long as there is time for."""
    with place(disk) as (home, runs):
        run(job(python, peer, "write", folder=str(runs), n=1, seconds=1.0), home)
        least = held(runs)
        order = {"folder": str(runs), "points": 1, "seconds": settings.read_seconds}
        fixed = run(job(python, peer, "read", **order), home)["seconds"]
    with place(disk) as (home, runs):
        n = min(peer.points, settings.points)
        written = run(job(python, peer, "write", folder=str(runs), n=n, seconds=settings.write_seconds), home)
        points, most = written["points"], held(runs)  # the process has ended: some write on after the run's end
        order = {"folder": str(runs), "points": points, "seconds": settings.read_seconds}
        seconds = run(job(python, peer, "read", **order), home)["seconds"]
    size = {"points": points, "bytes_a_point": (most - least) / (points - 1)}
    read = {"points": points, "seconds": seconds, "seconds_of_one": fixed, "scaled": points != MILLION}
    # What it takes to open a run at all is not multiplied.
    a_million = fixed + max(0.0, seconds - fixed) * (MILLION - 1) / (points - 1)
    return {"size": size, "read": {**read, "seconds_a_million": a_million if read["scaled"] else seconds}}


def held(folder: Path) -> int:
    """Bytes of all files: their length, or what they take on the disk where they have holes."""
    found = [path.lstat() for path in folder.rglob("*") if not path.is_dir()]
    return sum(min(status.st_size, status.st_blocks * 512) for status in found)


def losses(python: str, peer: Peer, disk: Path, settings: Settings) -> dict[str, Any]:
    """``tight`` and ``hz100``: how many values were logged before so many kills, and how many were lost."""
    ours = peer.key == OURS
    times, longest = (settings.our_kills, settings.our_longest) if ours else (settings.kills, settings.longest)

    def kills(period: float, at_once: int) -> dict[str, Any]:
        with ThreadPoolExecutor(at_once) as threads:
            found = list(threads.map(lambda _: kill(python, peer, disk, period, longest), range(times)))
        lost = [one["lost"] for one in found]
        unreadable = [one["unreadable"] for one in found if "unreadable" in one]
        return {
            "kills": times,
            "logged": sum(one["logged"] for one in found),
            "lost": sum(lost),
            "most_lost": max(lost),
            **({"unreadable": len(unreadable), "because": unreadable[0]} if unreadable else {}),
        }

    # At 100 Hz a process mostly sleeps: several at a time disturb nobody.
    return {"tight": kills(0.0, 1), "hz100": kills(0.01, 3)}


def kill(python: str, peer: Peer, disk: Path, period: float, longest: float) -> dict[str, Any]:
    """Kill a process at a random instant after its first value, and count what can be read then.

    A value counts as logged once the call returned; the one in the middle of a call may be kept or not.
    """
    with place(disk) as (home, runs):
        counter = home / "counter"
        counter.write_bytes(COUNTER.pack(0))
        command = job(python, peer, "endless", folder=str(runs), counter=str(counter), period=period)
        with launch(command, home) as process:
            while not logged(counter):
                if process.poll() is not None:
                    raise Failed(f"died before its first value: {said(home)}")
                time.sleep(0.002)
            time.sleep(random.uniform(0.1, 1.0) * longest)
            process.kill()
            process.wait()
            ended(process.pid)
        count = logged(counter)
        try:
            found = run(job(python, peer, "count", folder=str(runs)), home)["found"]
        except Failed as error:
            return {"logged": count, "lost": count, "unreadable": str(error)[-300:]}
    return {"logged": count, "lost": max(0, count - found)}


def logged(counter: Path) -> int:
    """How many calls have returned."""
    count: int = COUNTER.unpack(counter.read_bytes())[0]
    return count
