"""The code of runs, and in what runs differ."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import answer


@pytest.fixture
def two(logged: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Two runs of code that changed between them."""
    code = tmp_path / "project"
    code.mkdir()
    monkeypatch.chdir(code)
    (code / "pkg").mkdir()
    (code / "pkg" / "net.py").write_text("layers = 2\n# größer\n")
    (code / "run.sh").write_text("#!/bin/sh\n")
    (code / "run.sh").chmod(0o755)
    (code / "data.bin").write_bytes(b"\0\1\2")
    (code / "gone.py").write_text("bye\n")
    (code / ".env").write_text("canary")
    with logged(snapshot=True, lr=0.1, seed=1) as first:
        pass
    (code / "pkg" / "net.py").write_text("layers = 3\n# größer\n")
    (code / "gone.py").unlink()
    (code / "new.py").write_text("hello\n")
    with logged(snapshot=True, lr=0.2, momentum=None) as second:
        pass
    return [first, second]


def test_files_and_their_text(two: list[Any], opened: Any) -> None:
    app, ids = opened()
    path = f"/runs/{ids[two[0].folder.path.name]}/code"
    tree = answer(app, path)
    assert [(file["path"], file["size"], file["executable"]) for file in tree["files"]] == [
        ("data.bin", 3, False), ("gone.py", 4, False), ("pkg/net.py", 22, False), ("run.sh", 10, True),
    ]  # fmt: skip
    assert tree["left_out"] == [".env (may hold secrets)"]
    by_path = {file["path"]: file["id"] for file in tree["files"]}
    net = answer(app, f"{path}/{by_path['pkg/net.py']}")
    assert (net["text"], net["binary"], net["size"]) == ("layers = 2\n# größer\n", False, 22)
    data = answer(app, f"{path}/{by_path['data.bin']}")
    assert (data["text"], data["binary"]) == (None, True)
    other = answer(app, f"/runs/{ids[two[1].folder.path.name]}/code")
    assert not {file["id"] for file in other["files"]} & set(by_path.values())
    answer(app, f"{path}/{other['files'][0]['id']}", 404)
    assert answer(app, path, segment=2) == {"files": [], "left_out": []}


def test_an_archive_of_it(two: list[Any], opened: Any) -> None:
    app, ids = opened()
    name = two[0].folder.path.name
    got = app.client.get(f"/runs/{ids[name]}/code.zip")
    assert got.headers["content-type"] == "application/zip"
    assert got.headers["content-disposition"].startswith(f'attachment; filename="{name}.zip"')
    with zipfile.ZipFile(io.BytesIO(got.content)) as archive:
        assert archive.testzip() is None
        assert archive.read(f"{name}/pkg/net.py").decode() == "layers = 2\n# größer\n"
        assert archive.getinfo(f"{name}/run.sh").external_attr >> 16 == 0o100755
        assert sorted(archive.namelist()) == [
            f"{name}/{file}" for file in ("data.bin", "gone.py", "pkg/net.py", "run.sh")
        ]
    assert app.client.get(f"/runs/{ids[name]}/code.zip").content == got.content


def test_missing_and_damaged_objects(two: list[Any], opened: Any, workspace: Path) -> None:
    name = two[0].folder.path.name
    objects = {file.stat().st_size: file for file in (workspace / ".ailab" / "objects").rglob("*") if file.is_file()}
    objects[4].unlink()  # gone.py: its link in src/ is still there
    objects[10].unlink()
    (two[0].folder.path / "src" / "run.sh").unlink()  # an executable is a copy
    objects[3].chmod(0o600)
    objects[3].write_bytes(b"\0no")
    app, ids = opened()
    path = f"/runs/{ids[name]}/code"
    by_path = {file["path"]: file["id"] for file in answer(app, path)["files"]}
    assert answer(app, f"{path}/{by_path['gone.py']}")["text"] == "bye\n"
    assert "missing" in answer(app, f"{path}/{by_path['run.sh']}", 404)["detail"]
    assert "damaged" in answer(app, f"{path}/{by_path['data.bin']}", 404)["detail"]
    with zipfile.ZipFile(io.BytesIO(app.client.get(f"{path}.zip").content)) as archive:
        missing = archive.read(f"{name}/MISSING.txt").decode()
    assert "run.sh" in missing
    assert "data.bin" in missing
    assert str(workspace) not in missing


def test_in_what_the_code_differs(two: list[Any], opened: Any) -> None:
    app, ids = opened()
    a, b = (ids[run.folder.path.name] for run in two)
    found = answer(app, "/diff/code", a=a, b=b)
    assert found["files"] == [
        {"path": "gone.py", "change": "removed"},
        {"path": "new.py", "change": "added"},
        {"path": "pkg/net.py", "change": "changed"},
    ]
    assert found["diff"].splitlines()[-6:] == [
        "--- a/pkg/net.py", "+++ b/pkg/net.py", "@@ -1,2 +1,2 @@", "-layers = 2", "+layers = 3", " # größer",
    ]  # fmt: skip
    assert not found["cut"]
    assert answer(app, "/diff/code", a=a, b=a) == {"files": [], "diff": "", "cut": False}
    answer(app, "/diff/code", 404, a=a, b="none")
    answer(app, "/diff/code", 422, a=a)


def test_in_what_runs_differ(two: list[Any], opened: Any) -> None:
    app, ids = opened()
    a, b = (ids[run.folder.path.name] for run in two)
    found = answer(app, "/diff", run=[a, b, a])
    assert found["runs"] == [a, b, a]
    by_path = {one["path"]: one for one in found["config"]}
    assert by_path["train.lr"]["values"] == [0.1, 0.2, 0.1]
    assert by_path["train.seed"] == {"path": "train.seed", "values": [1, None, 1], "present": [True, False, True]}
    assert by_path["train.momentum"]["present"] == [False, True, False]
    assert answer(app, "/diff", run=[a, a])["config"] == []
    answer(app, "/diff", 404, run=[a, "none"])
    answer(app, "/diff", 422, run=[a])
    answer(app, "/diff", 422, run=[a] * 101)


@pytest.mark.parametrize(
    "path", ["../../../secret", "/etc/passwd", "a/../../x", "", ".", "a//b", "a\0b", "link", "folder/x", "\ud800.py"]
)
def test_a_list_of_files_leads_nowhere_else(
    two: list[Any], opened: Any, workspace: Path, tmp_path: Path, path: str
) -> None:
    from ailab.experiment.code.store import ObjectStore

    (workspace.parent / "secret").write_text("canary")
    folder = two[0].folder.path
    shutil.rmtree(folder / "src")
    (folder / "src").mkdir()
    (folder / "src" / "link").symlink_to(workspace.parent / "secret")
    (folder / "src" / "folder").symlink_to(workspace.parent)
    store = ObjectStore(workspace)
    gone = "0" * 64
    tree = store.put(json.dumps({"schema": 1, "files": [[path, gone, 1, False]]}).encode())
    (folder / "src.json").write_text(json.dumps({"tree": tree, "left_out": [1, "\ud800"]}))
    app, ids = opened()
    address = f"/runs/{ids[folder.name]}/code"
    for file in answer(app, address)["files"]:
        assert "canary" not in answer(app, f"{address}/{file['id']}", 404)["detail"]
    assert b"canary" not in app.client.get(f"{address}.zip").content
    b = ids[two[1].folder.path.name]
    assert "canary" not in answer(app, "/diff/code", a=ids[folder.name], b=b)["diff"]


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"tree": 1}', b'{"tree": "../../../../secret"}', b"[" * 100_000, b"\xff", b'{"tree": null}'],
)
def test_a_damaged_list_leaves_the_plain_folder(two: list[Any], opened: Any, tmp_path: Path, content: bytes) -> None:
    folder = two[0].folder.path
    (folder / "src.json").write_bytes(content)
    os.mkfifo(folder / "src" / "pipe")
    (folder / "src" / "link.py").symlink_to("/etc/passwd")
    (folder / "src" / "loop").symlink_to(".")
    app, ids = opened()
    path = f"/runs/{ids[folder.name]}/code"
    files = answer(app, path)["files"]
    assert [file["path"] for file in files] == ["data.bin", "gone.py", "pkg/net.py", "run.sh"]
    assert answer(app, f"{path}/{files[1]['id']}")["text"] == "bye\n"
    changed = answer(app, "/diff/code", a=ids[folder.name], b=ids[two[1].folder.path.name])["files"]
    assert [one["path"] for one in changed] == ["gone.py", "new.py", "pkg/net.py"]


def test_a_diff_without_end_is_cut(two: list[Any], opened: Any, workspace: Path) -> None:
    from ailab.experiment.code.store import ObjectStore

    store = ObjectStore(workspace)
    long = "".join(f"{number}\n" for number in range(20_001)).encode()
    wide = (b"x" * 900_000 + b"\n", b"y" * 900_000 + b"\n")
    for number, run in enumerate(two):
        files = [[f"wide{n}.txt", store.put(wide[number] + b"%d" % n), 900_001, False] for n in range(3)]
        files += [["long.txt", store.put(long + b"%d" % number), len(long), False]]
        files += [[f"many/{n}", store.put(b"%d" % number), 1, False] for n in range(2_100)]
        (run.folder.path / "src.json").write_text(
            json.dumps({"tree": store.put(json.dumps({"files": files}).encode())})
        )
    app, ids = opened()
    found = answer(app, "/diff/code", a=ids[two[0].folder.path.name], b=ids[two[1].folder.path.name])
    assert found["cut"]
    assert len(found["files"]) == 2_000
    assert len(found["diff"]) < 4 << 20
    assert "Binary or large files a/long.txt and b/long.txt differ" in found["diff"]
