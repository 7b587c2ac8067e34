from __future__ import annotations

import re
from pathlib import Path

import pytest

from ailab.experiment.record import create_run_folder, discover


def run(workspace: Path, experiment: str, name: str) -> Path:
    path = workspace / experiment / name
    path.mkdir(parents=True)
    (path / "run.json").write_text("{}")
    return path


def test_a_new_folder_every_time(tmp_path: Path) -> None:
    folders = {create_run_folder(tmp_path, "mnist").path for _ in range(50)}
    assert len(folders) == 50
    for path in folders:
        assert path.parent == tmp_path / "mnist"
        assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d\.\d\d\.\d\d_[a-z2-9]{5}", path.name)
        assert {part.name for part in path.iterdir()} == {"streams", "images", "checkpoints"}


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".trash"])
def test_an_experiment_stays_inside_the_workspace(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="experiment must"):
        create_run_folder(tmp_path / "ws", name)
    assert not (tmp_path / "ws").exists()


def test_discover_finds_runs_and_nothing_else(tmp_path: Path) -> None:
    first, second = run(tmp_path, "a", "1"), run(tmp_path, "b", "1")
    run(tmp_path, ".trash", "1")
    (tmp_path / "a" / "no run").mkdir()
    (tmp_path / "a" / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "link").symlink_to(first)
    assert list(discover(tmp_path)) == [first, second]


def test_a_known_run_is_not_looked_into_again(tmp_path: Path) -> None:
    known = tmp_path / "a" / "1"
    known.mkdir(parents=True)
    assert list(discover(tmp_path)) == []
    assert list(discover(tmp_path, known={known})) == [known]


def test_a_missing_workspace_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(discover(tmp_path / "gone"))
