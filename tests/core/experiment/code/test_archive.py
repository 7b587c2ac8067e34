from __future__ import annotations

import io
import zipfile

from ailab.experiment.code.archive import zip_pieces
from ailab.experiment.code.tree import TreeFile


def opened(files: dict[str, bytes | Exception], **options: int) -> tuple[zipfile.ZipFile, int]:
    def read(file: TreeFile) -> bytes:
        content = files[file.path]
        if isinstance(content, Exception):
            raise content
        return content

    listed = [TreeFile(path, "", 0, path.endswith(".sh")) for path in files]
    pieces = list(zip_pieces(listed, read, "run", **options))
    return zipfile.ZipFile(io.BytesIO(b"".join(pieces))), len(pieces)


def test_files_come_back_with_their_modes() -> None:
    archive, _ = opened({"a.py": b"x = 1\n" * 100, "b/run.sh": b"", "ü.txt": "ü".encode()})
    assert archive.testzip() is None
    assert archive.namelist() == ["run/a.py", "run/b/run.sh", "run/ü.txt"]
    assert archive.read("run/a.py") == b"x = 1\n" * 100
    assert [info.external_attr >> 16 for info in archive.infolist()] == [0o100644, 0o100755, 0o100644]


def test_names_that_would_lead_elsewhere_on_other_systems() -> None:
    archive, _ = opened({"..\\..\\evil.py": b"", "bad\ud800.py": b""})
    assert archive.namelist() == ["run/.._.._evil.py", "run/bad?.py"]


def test_what_is_missing_is_named() -> None:
    archive, _ = opened({"a": b"1", "b": ValueError("it is damaged"), "c": OSError(2, "No such file")})
    assert archive.namelist() == ["run/a", "run/MISSING.txt"]
    assert archive.read("run/MISSING.txt").decode().splitlines() == ["b: it is damaged", "c: [Errno 2] No such file"]


def test_it_has_an_end() -> None:
    archive, _ = opened({"a": b"1" * 100, "b": b"2" * 100, "c": b"3"}, most_bytes=150)
    assert archive.namelist() == ["run/a", "run/b", "run/MISSING.txt"]
    assert "c: the archive is full" in archive.read("run/MISSING.txt").decode()


def test_no_more_than_a_few_files_are_in_memory() -> None:
    import random

    noise = random.Random(0)
    archive, pieces = opened({f"f{n}": noise.randbytes(100_000) for n in range(30)})
    assert pieces >= 10
    assert archive.testzip() is None
    empty, _ = opened({})
    assert empty.namelist() == []
