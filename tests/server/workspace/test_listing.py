"""Which runs there are, without listing everything every time."""

from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path

import pytest

from ailab.experiment.record import discover
from ailab_server.workspace import listing as module
from ailab_server.workspace.listing import Listing, is_local


def make(root: Path, relative: str) -> None:
    (root / relative).mkdir(parents=True)
    (root / relative / "run.json").write_text("{}")


def age(folder: Path) -> None:
    """Make its last change long ago: then the time of change is trusted."""
    long_ago = time.time() - 3600
    os.utime(folder, (long_ago, long_ago))


@pytest.mark.parametrize("local", [False, True])
def test_it_finds_what_core_finds(tmp_path: Path, local: bool) -> None:
    for relative in ("a/1", "a/2", "b/1", ".trash/1", "a/.hidden"):
        make(tmp_path, relative)
    (tmp_path / "a" / "none").mkdir()
    (tmp_path / "a" / "link").symlink_to(tmp_path / "a" / "1")
    (tmp_path / "linked").symlink_to(tmp_path / "a")
    (tmp_path / "file").write_text("")
    (tmp_path / "a" / "dangling").mkdir()
    (tmp_path / "a" / "dangling" / "run.json").symlink_to("nowhere")
    appeared, gone = Listing(tmp_path).look(local=local)
    assert sorted(appeared) == sorted(path.relative_to(tmp_path).as_posix() for path in discover(tmp_path))
    assert gone == []


def test_on_a_share_no_run_is_asked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a/1")
    monkeypatch.setattr(os, "lstat", lambda path: pytest.fail("a name that is missing stays so for half a minute"))
    assert Listing(tmp_path).look()[0] == ["a/1"]


def test_a_folder_that_cannot_be_entered_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a/1")

    def refused(path: str) -> os.stat_result:
        raise PermissionError(errno.EACCES, "refused", path)

    monkeypatch.setattr(os, "lstat", refused)
    assert Listing(tmp_path).look(local=True)[0] == ["a/1"]


def test_changes_and_nothing_twice(tmp_path: Path) -> None:
    make(tmp_path, "a/1")
    listing = Listing(tmp_path)
    assert listing.look() == (["a/1"], [])
    assert listing.look() == ([], [])
    make(tmp_path, "a/2")
    make(tmp_path, "b/1")
    assert listing.look() == (["a/2", "b/1"], [])
    shutil.rmtree(tmp_path / "a" / "1")
    shutil.rmtree(tmp_path / "b")
    appeared, gone = listing.look()
    assert (appeared, sorted(gone)) == ([], ["a/1", "b/1"])


def test_a_folder_that_did_not_change_is_not_listed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a/1")
    age(tmp_path / "a")
    listing = Listing(tmp_path)
    listing.look()
    listed: list[object] = []
    folders = module._folders
    monkeypatch.setattr(module, "_folders", lambda where: (listed.append(where), folders(where))[1])
    assert listing.look() == ([], [])
    assert listed == [str(tmp_path)]
    make(tmp_path, "a/2")
    assert listing.look() == (["a/2"], [])
    monkeypatch.setattr(module, "_TRUST_SECONDS", 0.0)
    age(tmp_path / "a")
    listing.look()
    listed.clear()
    listing.look()
    assert len(listed) == 2


def test_a_run_that_is_being_made_is_found_once_it_has_its_file(tmp_path: Path) -> None:
    (tmp_path / "a" / "1").mkdir(parents=True)
    age(tmp_path / "a")
    listing = Listing(tmp_path)
    assert listing.look() == ([], [])
    (tmp_path / "a" / "1" / "run.json").write_text("{}")  # which does not change the experiment's folder
    assert listing.look() == (["a/1"], [])


def test_a_root_that_is_away_is_an_error_and_loses_nothing(tmp_path: Path) -> None:
    make(tmp_path / "w", "a/1")
    listing = Listing(tmp_path / "w")
    listing.look()
    (tmp_path / "w").rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError):
        listing.look()
    (tmp_path / "away").rename(tmp_path / "w")
    assert listing.look() == ([], [])


def test_a_folder_that_cannot_be_opened_for_a_moment_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "a/1")
    listing = Listing(tmp_path)
    listing.look()
    with monkeypatch.context() as patch:

        def stale(*arguments: object) -> int:
            raise OSError(errno.ESTALE, "stale")

        patch.setattr(module.os, "open", stale)
        assert listing.look() == ([], [])
    assert listing.look() == ([], [])


def test_known_folders_are_not_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a/1")
    make(tmp_path, "a/2")
    looked: list[str] = []
    monkeypatch.setattr(module, "_holds_run", lambda path: looked.append(path) is None)
    assert Listing(tmp_path).look({"a/1": None}) == (["a/1", "a/2"], [])
    assert looked == [str(tmp_path / "a" / "2")]


def test_only_a_file_system_of_this_machine_is_local(tmp_path: Path) -> None:
    assert not is_local(tmp_path / "absent")
    assert not is_local(Path("/proc"))
