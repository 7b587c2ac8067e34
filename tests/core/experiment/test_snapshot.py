from __future__ import annotations

import os
from pathlib import Path

import pytest

from ailab.experiment import snapshot
from ailab.experiment.snapshot import take_snapshot


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


def test_code_is_copied_and_ignored_files_are_not(root: Path, tmp_path: Path) -> None:
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
    taken = take_snapshot(root, tmp_path / "src", exclude=root / "runs")
    assert files(tmp_path / "src") == {
        "train.py",
        "models/net.py",
        "models/.gitignore",
        "models/keep.bin",
        ".gitignore",
    }
    assert (taken.files, taken.left_out) == (5, [])
    assert (tmp_path / "src/models/net.py").read_text() == "x = 1"


def test_large_files_and_secrets_are_named(root: Path, tmp_path: Path) -> None:
    write(root, **{"a.py": "", "weights.bin": "x" * (3 << 20), ".env": "TOKEN=1"})
    taken = take_snapshot(root, tmp_path / "src", exclude=tmp_path)
    assert files(tmp_path / "src") == {"a.py"}
    assert taken.left_out == [".env (may hold secrets)", "weights.bin (3.0 MiB)"]


def test_the_number_of_files_is_capped(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "_MOST_FILES", 3)
    write(root, **{f"{i}.py": "" for i in range(9)})
    taken = take_snapshot(root, tmp_path / "src", exclude=tmp_path)
    assert files(tmp_path / "src") == {"0.py", "1.py", "2.py"}
    assert taken.left_out[0].startswith("3.py and what follows")


def test_links_are_not_followed(root: Path, tmp_path: Path) -> None:
    write(tmp_path, secret="s")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "pipe")
    take_snapshot(root, tmp_path / "src", exclude=tmp_path)
    assert files(tmp_path / "src") == set()
