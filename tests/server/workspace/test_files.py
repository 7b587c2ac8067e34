from __future__ import annotations

import os
from pathlib import Path

import pytest

from ailab_server.workspace.files import FileTooLarge, is_plain_name, open_inside, read_inside


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "run" / "images").mkdir(parents=True)
    (folder / "run" / "images" / "a.png").write_bytes(b"0123456789")
    (tmp_path / "secret").write_text("canary")
    return folder


def test_reading(root: Path) -> None:
    steps = ["run", "images", "a.png"]
    assert read_inside(root, steps) == (b"0123456789", 10)
    assert read_inside(root, steps, last=3) == (b"789", 10)
    assert read_inside(root, steps, last=100) == (b"0123456789", 10)
    assert read_inside(root, steps, largest=10)[1] == 10
    with pytest.raises(FileTooLarge):
        read_inside(root, steps, largest=9)


@pytest.mark.parametrize(
    "steps",
    [[], [".."], ["run", "..", "..", "secret"], ["../secret"], ["run/../../secret"], ["/etc/passwd"],
     ["run\0"], [""], ["."],
     ["run", "images"], ["run", "images", "none"], ["run", "images", "a.png", "x"], ["a" * 300], ["run\\images"]],
)  # fmt: skip
def test_no_step_leads_out(root: Path, steps: list[str]) -> None:
    with pytest.raises(OSError):
        read_inside(root, steps)


def test_links_are_not_followed_at_any_step(root: Path, tmp_path: Path) -> None:
    (root / "run" / "images" / "link").symlink_to(tmp_path / "secret")
    (root / "run" / "images" / "loop").symlink_to("loop")
    (root / "folder").symlink_to(tmp_path)
    for steps in (["run", "images", "link"], ["run", "images", "loop"], ["folder", "secret"]):
        with pytest.raises(OSError):
            read_inside(root, steps)


def test_pipes_and_devices_neither_block_nor_are_read(root: Path) -> None:
    os.mkfifo(root / "run" / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        read_inside(root, ["run", "pipe"])
    with pytest.raises(OSError, match="not a regular file"):
        read_inside(Path("/dev"), ["zero"])


def test_a_link_to_the_root_itself_is_the_owners_choice(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    assert read_inside(tmp_path / "alias", ["run", "images", "a.png"])[1] == 10


def test_no_descriptor_stays_open(root: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        read_inside(root, ["run", "images", "a.png"])
        with pytest.raises(OSError):
            read_inside(root, ["run", "images", "none"])
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("name", ["\ud800", "a\udcff" * 200, "", ".", "..", "a/b", "a\\b", "a\0"])
def test_names_that_are_none(name: str) -> None:
    assert not is_plain_name(name)


@pytest.mark.parametrize("name", ["a.png", "a b.png", "ä.png", "...", ".hidden", "a" * 255])
def test_plain_names(name: str) -> None:
    assert is_plain_name(name)


def test_a_linked_folder_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "file").write_text("x")
    os.close(open_inside(tmp_path, ["real", "inner"], folder=True))
    for steps in (["link"], ["link", "inner"], ["file"], ["none"], [".."], []):
        with pytest.raises(OSError, match=r".+"):
            open_inside(tmp_path, steps, folder=True)
    with pytest.raises(OSError, match="not a regular file"):
        open_inside(tmp_path, ["real"])
