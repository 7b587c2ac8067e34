"""docs/data.md: its snippets run as one program, and its measurement can be made."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def text(request: pytest.FixtureRequest) -> str:
    return (request.config.rootpath / "docs" / "data.md").read_text("utf-8")


def test_the_snippets_run_as_one_program(text: str, tmp_path: Path) -> None:
    snippets = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    assert len(snippets) >= 10
    # Guarded as any program that starts processes otherwise than by a fork.
    program = "\n".join(snippets).replace("\n", "\n    ")
    (tmp_path / "program.py").write_text(f"if __name__ == '__main__':\n    {program}\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stderr


def test_what_it_measures_can_be_measured_again(text: str, request: pytest.FixtureRequest) -> None:
    (script,) = set(re.findall(r"`python (\S+\.py)`", text))
    done = subprocess.run(
        [sys.executable, script, "--samples=3000", "--workers=1", "--one", "cached", "ailab"],
        cwd=request.config.rootpath,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["before"]["private"] > told["last"]["private"] > 0
    assert told["last"]["pss"] > told["last"]["private"]
