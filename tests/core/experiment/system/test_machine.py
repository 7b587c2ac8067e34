from __future__ import annotations

from pathlib import Path

import pytest

from ailab.experiment.system import machine
from ailab.experiment.system.machine import Machine


def fill(proc: Path, idle: int, busy: int, ticks: int, sectors: int, received: int) -> None:
    (proc / "self").mkdir(parents=True, exist_ok=True)
    (proc / "net").mkdir(exist_ok=True)
    (proc / "stat").write_text(f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 1 1 1\n")
    (proc / "self/stat").write_text(f"1 (a ) b) S {' '.join('0' for _ in range(10))} {ticks} 0 0 0\n")
    (proc / "self/statm").write_text("1000 500 1 1 1 1 1\n")
    (proc / "meminfo").write_text("MemTotal: 2000000 kB\nMemFree: 1 kB\nMemAvailable: 500000 kB\n")
    row = "0 0 {0} 0 0 0 {1} 0 0 0 0\n"
    (proc / "diskstats").write_text(
        f"8 0 sda {row.format(sectors, 2 * sectors)}8 1 sda1 {row.format(sectors, 2 * sectors)}"
        f"7 0 loop0 {row.format(sectors, sectors)}"
    )
    (proc / "net/dev").write_text(
        "Inter-| head\n face |bytes\n    lo: 999999 0 0 0 0 0 0 0 999999\n"
        f"  eth0: {received} 0 0 0 0 0 0 0 {2 * received}\n"
    )


def test_rates_come_from_two_readings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(machine.time, "monotonic", lambda: now)
    watched = Machine(tmp_path, proc=tmp_path / "proc")
    ticks = watched._ticks
    fill(tmp_path / "proc", idle=1000, busy=1000, ticks=0, sectors=0, received=10**9)
    first = watched.sample()
    assert "cpu" not in first and first["memory"] == pytest.approx(1.536)
    now += 2.0
    fill(tmp_path / "proc", idle=1300, busy=1100, ticks=3 * ticks, sectors=10_000, received=10**9 + 4_000_000)
    found = watched.sample()
    assert found["cpu"] == pytest.approx(25)
    assert found["cpu_process"] == pytest.approx(150)
    assert (found["disk_read"], found["disk_write"]) == (pytest.approx(2.56), pytest.approx(5.12))
    assert (found["network_received"], found["network_sent"]) == (pytest.approx(2), pytest.approx(4))
    assert found["disk_free"] > 0


def test_without_proc_there_is_only_the_disk(tmp_path: Path) -> None:
    watched = Machine(tmp_path, proc=tmp_path / "none")
    watched.sample()
    assert set(watched.sample()) == {"disk_free"}
    assert Machine(tmp_path / "gone", proc=tmp_path / "none").sample() == {}
