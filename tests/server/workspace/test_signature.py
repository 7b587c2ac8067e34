"""Telling a run's files apart while they are read, as a look before the reading does."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ailab.experiment.record import RunReader
from ailab_server.workspace.signature import look, poll_and_look, signature


@pytest.fixture
def run(new_run: Callable[..., Any]) -> Path:
    """A run that is over, of two writers, one of them without numbers."""
    made = new_run()
    made.value("loss", 1.0, primary=True)
    made.end()
    folder: Path = made.path
    (folder / "streams" / "notes-1-a.jsonl").write_text(json.dumps({"type": "tags", "time": 1.0, "tags": []}) + "\n")
    return folder


def of_reading(run: Path) -> tuple[str, dict[str, int]]:
    _, found, sizes = poll_and_look(RunReader(run), str(run))
    return found, sizes


def test_it_is_what_a_look_says(run: Path) -> None:
    found, sizes = of_reading(run)
    assert found == signature(str(run)) != ""
    assert sizes == look(str(run))[1]
    assert len(sizes) == 3


@pytest.mark.parametrize("name", ["run.json", "config.json"])
def test_a_file_that_is_not_there_is_told(run: Path, name: str) -> None:
    (run / name).unlink(missing_ok=True)
    assert of_reading(run)[0] == signature(str(run))
    assert f"{name}-" in signature(str(run))
    (run / name).write_text("{}")
    assert of_reading(run)[0] == signature(str(run))


def test_what_the_reader_passes_over_belongs_to_it(run: Path) -> None:
    before = of_reading(run)[0]
    (run / "streams" / "other.txt").write_text("x")
    (run / "streams" / "alone.scalars").write_bytes(b"")
    (run / "streams" / ".hidden.jsonl").write_text("")
    found, sizes = of_reading(run)
    assert (found, sizes) == look(str(run))
    assert found != before


@pytest.mark.parametrize("name", ["run.json", "config.json", "streams/w.jsonl", "streams"])
def test_what_cannot_be_opened_is_for_a_look_before_the_reading(run: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / "elsewhere"
    if (run / name).exists():
        (run / name).rename(target)
    (run / name).symlink_to(target)
    assert of_reading(run) == ("", {})
    assert signature(str(run)) != ""


def test_it_is_of_the_files_before_they_were_read(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = os.pread
    grown: list[int] = []

    def grows_meanwhile(fd: int, count: int, offset: int) -> bytes:
        data = read(fd, count, offset)
        path = Path(f"/proc/self/fd/{fd}").readlink()
        if path.suffix == ".scalars" and not grown:
            grown.append(fd)
            with path.open("ab") as file:
                file.write(bytes(32))
        return data

    monkeypatch.setattr(os, "pread", grows_meanwhile)
    found, _ = of_reading(run)
    assert grown
    assert found not in ("", signature(str(run)))


def test_a_file_that_appears_while_the_folder_is_read_is_told(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run / "streams" / "late.jsonl").write_text("")
    names = os.listdir

    def late(folder: str) -> list[str]:
        found = names(folder)
        (run / "streams" / "late.scalars").write_bytes(b"")
        return found

    monkeypatch.setattr(os, "listdir", late)
    assert of_reading(run)[0] == signature(str(run))


def test_a_run_that_is_gone_is_an_error(run: Path) -> None:
    with pytest.raises(FileNotFoundError):
        of_reading(run.parent / "gone")
