"""``benchmarks/logs.py`` runs, counts what a kill takes, and puts its tables into the page."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "recording"]:
        del sys.modules[name]


def peer(key: str) -> Any:
    from recording.peers import PEERS

    return next(peer for peer in PEERS if peer.key == key)


def little() -> Any:
    """As little as gives every figure."""
    from recording.measures import Settings

    return Settings(1, 300, 0.2, 3000, 0.5, 0.0, 2, 2, 0.1, 0.1)


def test_everything_is_measured_of_ours(tmp_path: Path) -> None:
    from recording.goals import GOALS, measured
    from recording.measures import calls_and_start, losses, size_and_reading

    ours = peer("ailab")
    result = calls_and_start(sys.executable, ours, tmp_path, little())
    result |= size_and_reading(sys.executable, ours, tmp_path, little())
    result |= losses(sys.executable, ours, tmp_path, little())
    assert all(measured(result, goal.path) is not None for goal in GOALS)
    assert 31 < result["size"]["bytes_a_point"] < 40
    assert result["read"]["points"] == 3000 and result["read"]["scaled"]
    assert (result["tight"]["lost"], result["hz100"]["lost"]) == (0, 0)
    assert result["tight"]["logged"] > result["hz100"]["logged"] > 0
    assert 0.01 < result["start"]["seconds"] < 60
    assert list(tmp_path.iterdir()) == []  # nothing is left


def test_a_kill_takes_what_is_buffered_and_nothing_else(tmp_path: Path) -> None:
    from recording.measures import losses

    buffered = losses(sys.executable, peer("struct"), tmp_path, little())
    # At 100 Hz 0.1 s of values are far from filling a buffer of 8 KiB.
    assert buffered["hz100"]["lost"] == buffered["hz100"]["logged"] > 0
    assert buffered["tight"]["lost"] < buffered["tight"]["logged"]
    written = losses(sys.executable, peer("write"), tmp_path, little())
    assert (written["hz100"]["lost"], written["tight"]["lost"]) == (0, 0)


def test_values_that_do_not_come_back_are_an_error(tmp_path: Path) -> None:
    from recording.running import Failed, job, run

    (tmp_path / "values.jsonl").write_text('{"name": "loss", "value": 0.5}\n')
    for points, message in ((2, "1 values came back of 2"), (1, "value 0 came back as 0.5")):
        with pytest.raises(Failed, match=message):
            run(job(sys.executable, peer("json"), "read", folder=str(tmp_path), points=points, seconds=0.0), tmp_path)


def test_the_command_writes_json_and_the_pages_tables(tmp_path: Path) -> None:
    script, file, page = str(BENCHMARKS / "logs.py"), tmp_path / "found.json", tmp_path / "page.md"
    command = [sys.executable, script, "--quick", "--only", "json,sacred", "--folder", str(tmp_path)]
    done = subprocess.run([*command, "--json", str(file)], capture_output=True, text=True, timeout=100, check=True)
    assert "sacred is left out: it is not installed" in done.stderr
    found = json.loads(file.read_text())
    assert list(found["results"]) == ["json"] and found["results"]["json"]["errors"] == {}
    assert found["results"]["json"]["tight"]["lost"] == 0
    from recording.report import BEGIN, END

    page.write_text(f"before\n{BEGIN}\nthe last ones\n{END}\nafter\n")
    subprocess.run([sys.executable, script, "--table", str(file), "--page", str(page)], timeout=100, check=True)
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "the last ones" not in text
    assert "| JSON line, flushed each |" in text


def test_a_goal_that_is_missed_is_marked() -> None:
    from recording.goals import standing
    from recording.report import tables

    results = {
        "ailab": {"value": {"median_us": 1.4, "mean_us": 2.5}, "tight": {"kills": 50, "logged": 900, "lost": 1}},
        "json": {"value": {"median_us": 2.8, "mean_us": 5.0}},
    }
    reading = [
        {"what": "a run", "seconds": 0.02, "goal_seconds": 0.03},
        {"what": "x", "seconds": 1, "goal_seconds": None},
    ]
    reached = {row["goal"]: row["met"] for row in standing(results, reading)}
    assert reached == {
        "`log_value`, median": True,
        "`log_value`, mean": False,
        "lost to `kill -9` in a tight loop": False,
        "reading a run": True,
    }
    about = {
        "cores": 2,
        "cpu": "a",
        "memory_gib": 1,
        "system": "b",
        "python": "3",
        "file_system": "c",
        "load_before": 0.1,
        "busy_before": 0.0,
    }
    found = {"machine": about, "results": results, "reading": reading, "quick": False, "minutes": 1}
    text = tables({**found, "date": "today", "command": "it"})
    assert "| `log_value`, mean | 2 µs | 2.5 **not met** |" in text
    assert "| JSON line, flushed each | 2.0 | 2.0 |" in text
    assert "provisional" not in text


def test_the_page_has_the_place_for_the_tables() -> None:
    from recording.report import put

    page = (BENCHMARKS.parent / "docs" / "benchmarks-logging.md").read_text()
    assert "TABLES" in put(page, "TABLES")
    with pytest.raises(ValueError, match="no place for tables"):
        put("nothing", "TABLES")


def test_every_peer_has_a_module_with_both_functions_and_an_environment() -> None:
    from recording.environments import ENVIRONMENTS
    from recording.peers import PEERS

    for one in PEERS:
        tree = ast.parse((BENCHMARKS / "recording" / f"{one.module}.py").read_text())
        names: set[str] = set()
        for node in tree.body:
            match node:
                case ast.FunctionDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                    names.add(name)
                case ast.ImportFrom(names=found):
                    names |= {alias.asname or alias.name for alias in found}
        assert {"session", "read"} <= names, one.key
        assert not one.environment or one.distributions[0] in ENVIRONMENTS[one.environment][-1], one.key
