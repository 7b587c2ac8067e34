from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ailab.experiment.code import Snapshot, snapshot, store, walk
from ailab.experiment.code.keep import keep_source
from ailab.experiment.code.restore import link_files, restore
from ailab.experiment.code.store import ObjectStore
from ailab.experiment.record import create_run_folder


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def write(root: Path, **contents: str) -> None:
    for name, text in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    return tmp_path / "code"


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    return tmp_path / "ws"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # Files made a moment ago are trusted here: no test changes one without another size or time.
    monkeypatch.setattr(snapshot, "_YOUNG_NS", -(10**12))
    return tmp_path / "cache"


def take(root: Path, ws: Path, target: Path) -> Snapshot:
    taken = snapshot.take_snapshot(root, ws)
    link_files(taken, ws, target)
    return taken


def test_code_is_kept_and_ignored_files_are_not(root: Path, ws: Path, tmp_path: Path) -> None:
    write(
        root,
        **{
            "train.py": "print()",
            "models/net.py": "x = 1",
            "models/.gitignore": "*.bin\n!keep.bin",
            "models/a.bin": "a",
            "models/keep.bin": "k",
            ".gitignore": "data/\n*.log",
            "data/big.csv": "1",
            "a.log": "l",
            "__pycache__/x.pyc": "",
            ".git/config": "",
            "env/pyvenv.cfg": "",
            "env/lib.py": "",
            "runs/old/src/train.py": "",
        },
    )
    for _ in range(2):  # the second time out of the cache
        target = tmp_path / f"src{_}"
        taken = take(root, root / "runs", target)
        assert files(target) == {"train.py", "models/net.py", "models/.gitignore", "models/keep.bin", ".gitignore"}
        assert (taken.files, taken.left_out) == (5, [])
        assert (target / "models/net.py").read_text() == "x = 1"


def test_a_copy_holds_the_same(root: Path, ws: Path, tmp_path: Path) -> None:
    write(root, **{"a.py": "1", "sub/run.sh": "2", ".gitignore": "*.txt", "no.txt": "", ".env": "T=1"})
    (root / "sub/run.sh").chmod(0o755)
    taken = snapshot.copy_code(root, tmp_path / "copy", ws)
    assert (
        files(tmp_path / "copy") == set(snapshot.take_snapshot(root, ws).paths) == {"a.py", "sub/run.sh", ".gitignore"}
    )
    assert (taken.files, taken.left_out) == (3, [".env (may hold secrets)"])
    assert os.access(tmp_path / "copy/sub/run.sh", os.X_OK)
    (tmp_path / "copy/a.py").write_text("a file of its own")


def test_a_changed_gitignore_decides_anew(root: Path, ws: Path, tmp_path: Path) -> None:
    write(root, **{"a.py": "1", "sub/b.txt": "2", ".gitignore": "*.txt"})
    assert set(snapshot.take_snapshot(root, ws).paths) == {"a.py", ".gitignore"}
    write(root, **{".gitignore": "*.py"})
    assert set(snapshot.take_snapshot(root, ws).paths) == {"sub/b.txt", ".gitignore"}


def test_unchanged_files_are_neither_read_nor_stored_again(
    root: Path, ws: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root, **{f"m{i}.py": f"x = {i}" for i in range(20)})
    first = snapshot.take_snapshot(root, ws)
    count = len(files(ws))
    put: list[bytes] = []
    keep = ObjectStore.put
    monkeypatch.setattr(ObjectStore, "put", lambda self, data: put.append(data) or keep(self, data))
    second = snapshot.take_snapshot(root, ws)
    assert (second.tree, len(put), len(files(ws))) == (first.tree, 1, count)  # the list itself, which is there already
    write(root, **{"m3.py": "changed = 3"})
    third = snapshot.take_snapshot(root, ws)
    assert third.tree != first.tree
    assert [data for data in put[1:] if data.startswith(b"changed")] == [b"changed = 3"]
    assert len(put) == 3


def test_a_store_that_was_emptied_is_filled_again(root: Path, ws: Path, tmp_path: Path) -> None:
    write(root, **{"a.py": "1"})
    first = snapshot.take_snapshot(root, ws)
    ObjectStore(ws).path(first.tree).unlink()
    ObjectStore(ws).path(first.paths["a.py"][0]).unlink()
    take(root, ws, tmp_path / "src")
    assert (tmp_path / "src/a.py").read_text() == "1"


def test_an_object_cut_by_a_power_loss_is_written_again(root: Path, ws: Path) -> None:
    write(root, **{"a.py": "1"})
    key = snapshot.take_snapshot(root, ws).paths["a.py"][0]
    path = ObjectStore(ws).path(key)
    path.unlink()
    path.write_bytes(b"")
    assert ObjectStore(ws).put(b"1") == key
    assert ObjectStore(ws).get(key) == b"1"


def test_a_damaged_object_is_not_handed_out(ws: Path) -> None:
    objects = ObjectStore(ws)
    key = objects.put(b"1")
    objects.path(key).chmod(0o644)
    objects.path(key).write_bytes(b"2")
    with pytest.raises(ValueError, match="is damaged"):
        objects.get(key)


def test_a_file_changed_just_now_is_not_remembered(
    root: Path, ws: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may change again without another time stamp."""
    write(root, **{"a.py": "1"})
    monkeypatch.setattr(snapshot, "_YOUNG_NS", 3600 * 10**9)
    snapshot.take_snapshot(root, ws)
    (file,) = cache.rglob("*.json") if any(cache.rglob("*.json")) else (None,)
    assert file is None or json.loads(file.read_text())["files"] == {}
    monkeypatch.setattr(snapshot, "_YOUNG_NS", -(10**12))
    snapshot.take_snapshot(root, ws)
    (file,) = cache.rglob("*.json")
    assert list(json.loads(file.read_text())["files"]) == ["a.py"]


def test_a_cache_that_is_no_cache_is_passed_over(root: Path, ws: Path, cache: Path) -> None:
    write(root, **{"a.py": "1"})
    first = snapshot.take_snapshot(root, ws)
    (file,) = cache.rglob("*.json")
    for content in ("", "[]", '{"files": 3, "tree": 1, "tree_size": "x", "decisions": []}'):
        file.write_text(content)
        assert snapshot.take_snapshot(root, ws).tree == first.tree


def test_large_files_and_secrets_are_named(root: Path, ws: Path) -> None:
    write(root, **{"a.py": "", "weights.bin": "x" * (3 << 20), ".env": "TOKEN=1", ".aws/credentials": "s"})
    taken = snapshot.take_snapshot(root, ws)
    assert set(taken.paths) == {"a.py"}
    assert sorted(taken.left_out) == [".aws/ (may hold secrets)", ".env (may hold secrets)", "weights.bin (3.0 MiB)"]


def test_the_number_of_files_is_capped(root: Path, ws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "_MOST_FILES", 3)
    write(root, **{f"{i}.py": "" for i in range(9)})
    taken = snapshot.take_snapshot(root, ws)
    assert set(taken.paths) == {"0.py", "1.py", "2.py"}
    assert taken.left_out[0].startswith("3.py and what follows")


def test_the_number_of_entries_is_capped(root: Path, ws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "_MOST_ENTRIES", 3)
    write(root, **{f"{i}.py": "" for i in range(9)})
    assert snapshot.take_snapshot(root, ws).left_out == ["3.py and what follows (more than 3 files to look at)"]


def test_links_are_not_followed(root: Path, ws: Path, tmp_path: Path) -> None:
    write(tmp_path, secret="s")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "pipe")
    assert snapshot.take_snapshot(root, ws).paths == {}


def test_two_writers_of_one_object(ws: Path) -> None:
    a, b = ObjectStore(ws), ObjectStore(ws)
    assert a.put(b"same") == b.put(b"same")
    assert len(files(ws)) == 1


def test_a_full_disk_leaves_no_part_of_an_object(ws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        ObjectStore(ws).put(b"data")
    assert files(ws) == set()


def test_the_code_of_a_run_comes_back(root: Path, ws: Path, tmp_path: Path) -> None:
    write(root, **{"train.py": "print()", "models/net.py": "x = 1", "run.sh": "#!/bin/sh"})
    (root / "run.sh").chmod(0o755)
    folder = create_run_folder(ws, "exp")
    keep_source(root, folder, 1, most_linked=2)
    assert not folder.source.exists()
    assert restore(folder.path, tmp_path / "out") == 3
    assert (tmp_path / "out/models/net.py").read_text() == "x = 1"
    assert os.access(tmp_path / "out/run.sh", os.X_OK)
    command = [sys.executable, "-m", "ailab.experiment.code.restore", str(folder.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"3 files in {folder.source}\n"
    assert files(folder.source) == {"train.py", "models/net.py", "run.sh"}
    with pytest.raises(FileExistsError):
        restore(folder.path, tmp_path / "out")


def test_a_list_that_leads_out_of_the_folder_is_refused(ws: Path, tmp_path: Path) -> None:
    folder = create_run_folder(ws, "exp")
    objects = ObjectStore(ws)
    key = objects.put(b"x")
    tree = objects.put(f'{{"files": [["../escaped", "{key}", 1, false]]}}'.encode())
    (folder.path / "src.json").write_text(f'{{"tree": "{tree}"}}')
    with pytest.raises(ValueError, match="leads out of its folder"):
        restore(folder.path, tmp_path / "out")
    assert not (tmp_path / "escaped").exists()
