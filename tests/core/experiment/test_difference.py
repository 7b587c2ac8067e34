from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ailab.experiment import Run
from ailab.experiment.difference import (
    ABSENT,
    Change,
    Differing,
    changes,
    code_differences,
    compare_runs,
    compare_several,
    differing,
    unified_diff,
)


def test_the_leaves_that_differ() -> None:
    a = {"a": 1, "b": {"c": [1], "d": None, "same": 1}, "x": {"$class": "m:A"}, "flag": True}
    b = {"a": 1.0, "b": {"c": [2], "same": 1, "e": {"f": 1}}, "x": {"$class": "m:B"}, "flag": 1}
    assert changes(a, b) == [
        Change("b.c", [1], [2]),
        Change("b.d", None, ABSENT),
        Change("x", {"$class": "m:A"}, {"$class": "m:B"}),
        Change("flag", True, 1),
        Change("b.e.f", ABSENT, 1),
    ]
    assert changes(a, a) == []


def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name, files in (
        ("a", {"same.py": b"x", "old.py": b"one\ntwo\n", "gone.py": b"bye\n", "pkg/bin": b"\0\1"}),
        ("b", {"same.py": b"x", "old.py": b"one\n2\n", "pkg/new.py": b"hello\n", "pkg/bin": b"\0\2"}),
    ):
        for path, content in files.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    return tmp_path / "a", tmp_path / "b"


def test_the_files_that_differ(tmp_path: Path) -> None:
    a, b = folders(tmp_path)
    (b / "link.py").symlink_to(a / "old.py")
    assert code_differences(a, b) == {
        "gone.py": "removed",
        "old.py": "changed",
        "pkg/bin": "changed",
        "pkg/new.py": "added",
    }
    assert code_differences(a, a) == {}
    assert code_differences(a, tmp_path / "none") == dict.fromkeys(
        ["gone.py", "old.py", "pkg/bin", "same.py"], "removed"
    )


def test_the_lines_that_differ(tmp_path: Path) -> None:
    lines = list(unified_diff(*folders(tmp_path)))
    assert lines[:4] == ["--- a/gone.py", "+++ /dev/null", "@@ -1 +0,0 @@", "-bye"]
    assert lines[4:10] == ["--- a/old.py", "+++ b/old.py", "@@ -1,2 +1,2 @@", " one", "-two", "+2"]
    assert lines[10] == "Binary or large files a/pkg/bin and b/pkg/bin differ"
    assert lines[11:13] == ["--- /dev/null", "+++ b/pkg/new.py"]


def test_two_runs(record: Callable[..., Run]) -> None:
    found = compare_runs(record(seed=1), record(seed=2))
    assert found == {"config": [Change("train.seed", 1, 2)], "data": [], "git": [], "environment": []}


def test_among_several_what_differs_from_the_first_counts() -> None:
    contents = [{"a": 1, "same": {"x": [1]}}, {"a": 1.0, "same": {"x": [1]}}, {"a": 2, "same": {"x": [1]}, "b": None}]
    assert differing(contents) == [Differing("a", (1, 1.0, 2)), Differing("b", (ABSENT, ABSENT, None))]
    assert differing(contents[:2]) == []


def test_several_runs(record: Callable[..., Run]) -> None:
    found = compare_several([record(seed=1), record(seed=2), record(seed=1, lr=0.1)])
    assert found["config"] == [Differing("train.seed", (1, 2, 1)), Differing("train.lr", (ABSENT, ABSENT, 0.1))]
    assert (found["data"], found["git"], found["environment"]) == ([], [], [])
