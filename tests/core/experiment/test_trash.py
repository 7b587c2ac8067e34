from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ailab.experiment import Config, Run, Workspace
from ailab.experiment import logging as log
from ailab.experiment.trash import empty, restore, trash, trashed

Record = Callable[..., Run]


def test_there_and_back(record: Record, workspace: Path) -> None:
    run, other = record({"loss": [1.0]}), record()
    before = sorted(path.name for path in run.path.iterdir())
    target = trash(workspace, run)
    assert not run.path.exists()
    assert target == workspace / ".trash" / "digits" / run.id
    assert [one.id for one in Workspace(workspace).runs()] == [other.id]
    (inside,) = trashed(workspace)
    assert (inside.id, inside.experiment, inside.path) == (run.id, "digits", target)
    assert inside.by
    assert inside.size() > 100
    assert restore(workspace, inside) == run.path
    assert sorted(path.name for path in run.path.iterdir()) == before
    assert Run(run.path).values("loss")["value"].tolist() == [1.0]
    assert trashed(workspace) == []


def test_a_running_run_stays_unless_told_so(config: Config, workspace: Path) -> None:
    run = Run(log.setup(config, snapshot=False, capture_output=False))
    with pytest.raises(ValueError, match="is running: stop it first"):
        trash(workspace, run)
    assert run.path.is_dir()
    trash(workspace, run, force=True)
    assert not run.path.exists()


def test_nothing_is_overwritten(record: Record, workspace: Path) -> None:
    run = record()
    target = trash(workspace, run)
    run.path.mkdir()
    with pytest.raises(FileExistsError, match="exists already"):
        restore(workspace, trashed(workspace)[0])
    (run.path / "run.json").write_text("{}")
    with pytest.raises(FileExistsError, match="the trash holds a run"):
        trash(workspace, Run(run.path))
    assert target.is_dir() and run.path.is_dir()


def test_a_run_of_another_workspace(record: Record, tmp_path: Path) -> None:
    run = record()
    with pytest.raises(ValueError, match="is no run of the workspace"):
        trash(tmp_path / "other", run)
    assert run.path.is_dir()


def test_only_what_is_in_a_trash_is_deleted(record: Record, workspace: Path) -> None:
    run = record()
    trash(workspace, run)
    (inside,) = trashed(workspace)
    empty(inside)
    assert trashed(workspace) == []
    keep = record()
    with pytest.raises(ValueError, match="is not in a workspace's trash"):
        empty(type(inside)(keep.path, 0.0, ""))
    assert keep.path.is_dir()


def test_a_run_that_was_moved_there_by_hand(record: Record, workspace: Path) -> None:
    run = record()
    (workspace / ".trash" / "digits").mkdir(parents=True)
    run.path.rename(workspace / ".trash" / "digits" / run.id)
    (inside,) = trashed(workspace)
    assert (inside.id, inside.by) == (run.id, "")


def test_who_did_it_can_be_said(record: Record, workspace: Path) -> None:
    trash(workspace, record(), by="ada")
    assert [run.by for run in trashed(workspace)] == ["ada"]


def test_what_is_known_is_not_read_again(record: Record, workspace: Path) -> None:
    target = trash(workspace, record(), by="ada")
    known = {run.path: run for run in trashed(workspace)}
    (target / "trash.json").write_text("{}")
    assert trashed(workspace, known) == list(known.values())
    assert [run.by for run in trashed(workspace)] == [""]


def test_nothing_is_moved_through_a_link(record: Record, workspace: Path, tmp_path: Path) -> None:
    run, other = record(), record()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (workspace / ".trash").symlink_to(elsewhere)
    with pytest.raises(OSError, match="link"):
        trash(workspace, run)
    assert run.path.is_dir() and trashed(workspace) == []
    (workspace / ".trash").unlink()
    trash(workspace, run)
    other.path.parent.rename(tmp_path / "moved")
    (workspace / "digits").symlink_to(elsewhere)
    with pytest.raises(OSError, match="link"):
        restore(workspace, trashed(workspace)[0])
    assert not (elsewhere / run.id).exists()
