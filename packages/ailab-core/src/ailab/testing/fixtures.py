"""Fixtures for tests of code that uses AI Lab. pytest loads them at each start: nothing heavy is imported."""

from __future__ import annotations

from pathlib import Path

import pytest

__all__ = ["workspace"]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that runs are written to in this test: ``AILAB_WORKSPACE`` says so."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    monkeypatch.setenv("AILAB_WORKSPACE", str(folder))
    return folder
