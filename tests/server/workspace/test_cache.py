"""Rows that outlive the server: right, or not used at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ailab_server.workspace import Workspace, poll
from ailab_server.workspace.cache import SummaryCache, default_folder
from ailab_server.workspace.kept import Kept


def kept(number: int, size: int = 20) -> Kept:
    row = b'{"n":%d}' % number + b"x" * size
    return Kept(f"e/run{number} ü", f"1/run.json:{number}", 1.5 * number, number, "finished", None, row)


def filled(folder: Path, runs: list[Kept]) -> SummaryCache:
    cache = SummaryCache(folder, Path("/w"))
    cache.load()
    cache.add(runs, runs, len(runs))
    return cache


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    runs = [kept(number) for number in range(5)]
    cache = filled(tmp_path / "made" / "when needed", runs)
    cache.add([kept(7)], [*runs, kept(7)], 6)
    found = SummaryCache(tmp_path / "made" / "when needed", Path("/w")).load()
    assert list(found.values()) == [*runs, kept(7)]
    assert cache.path.stat().st_mode & 0o077 == 0


def test_a_flipped_byte_never_changes_an_answer(tmp_path: Path) -> None:
    runs = {run.relative: run for run in (kept(1), kept(2), kept(3))}
    path = filled(tmp_path, list(runs.values())).path
    good = path.read_bytes()
    for place in range(len(good)):
        for flip in (0x01, 0x80):
            path.write_bytes(good[:place] + bytes([good[place] ^ flip]) + good[place + 1 :])
            found = SummaryCache(tmp_path, Path("/w")).load()
            assert len(found) < 3, place
            assert all(runs[relative] == one for relative, one in found.items()), place


def test_a_file_cut_anywhere_gives_what_is_whole_and_is_written_anew(tmp_path: Path) -> None:
    runs = [kept(1), kept(2), kept(3)]
    path = filled(tmp_path, runs).path
    good = path.read_bytes()
    for length in range(len(good)):
        path.write_bytes(good[:length])
        cache = SummaryCache(tmp_path, Path("/w"))
        found = list(cache.load().values())
        assert found == runs[: len(found)]
        assert len(found) < 3
        cache.add([run for run in runs if run not in found], runs, 3)
        assert list(SummaryCache(tmp_path, Path("/w")).load().values()) == runs, length


def test_two_servers_may_write_at_once(tmp_path: Path) -> None:
    first, second = filled(tmp_path, [kept(0)]), SummaryCache(tmp_path, Path("/w"))
    second.load()
    for number in range(1, 40):
        one = first if number % 2 else second
        one.add([kept(number, size=5000)], [], 1000)
    assert len(SummaryCache(tmp_path, Path("/w")).load()) == 40


def test_another_workspace_or_version_has_another_file_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path, [kept(1)])
    assert SummaryCache(tmp_path, Path("/other")).load() == {}
    monkeypatch.setattr("ailab_server.workspace.cache.__version__", "20991231")
    assert SummaryCache(tmp_path, Path("/w")).load() == {}


def test_it_does_not_grow_for_ever(tmp_path: Path) -> None:
    cache = filled(tmp_path, [kept(1)])
    for _ in range(3000):
        cache.add([kept(1)], [kept(1)], 1)
    assert cache.path.stat().st_size < 1100 * 150


@pytest.mark.parametrize("what", ["link", "pipe", "folder"])
def test_what_is_no_file_of_ours_is_not_read(tmp_path: Path, what: str, caplog: pytest.LogCaptureFixture) -> None:
    path = filled(tmp_path, [kept(1)]).path
    path.rename(tmp_path / "elsewhere")
    match what:
        case "link":
            path.symlink_to(tmp_path / "elsewhere")
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
    cache = SummaryCache(tmp_path, Path("/w"))
    assert cache.load() == {}
    cache.add([kept(2)], [kept(2)], 1)
    if what != "folder":
        assert list(SummaryCache(tmp_path, Path("/w")).load().values()) == [kept(2)]


def test_without_a_disk_there_is_no_cache(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    cache = filled(tmp_path / "file" / "below", [kept(1)])
    assert cache.load() == {}
    assert "cannot be written" in caplog.text


def test_where_it_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert default_folder("/state") == Path("/state/cache")
    assert default_folder(None) == Path("/home/ada/.cache/ailab-server")
    monkeypatch.setenv("XDG_CACHE_HOME", "/fast")
    assert default_folder(None) == Path("/fast/ailab-server")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert default_folder(None) == Path("/home/ada/.cache/ailab-server")


@pytest.fixture
def follow(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Workspace]]:
    """Start a server's workspace anew, with the same cache."""
    monkeypatch.setattr(poll, "SETTLE_SECONDS", 0.0)
    started: list[Workspace] = []

    def start() -> Workspace:
        for one in started:
            one.close()
        cache = SummaryCache(tmp_path / "cache", workspace)
        followed = Workspace(workspace, None, lambda ids: None, lambda: None, cache)
        followed.start()
        started.append(followed)
        assert followed.wait_until_read(10)
        return followed

    yield start
    for one in started:
        one.close()


@pytest.fixture
def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    reads: list[Path] = []
    read = poll.RunReader.poll

    def counted(self: Any) -> bool:
        reads.append(self.folder.path)
        return read(self)

    monkeypatch.setattr(poll.RunReader, "poll", counted)
    return reads


def test_a_restart_reads_no_run_that_is_over(
    follow: Callable[[], Workspace],
    new_run: Callable[..., Any],
    eventually: Callable[..., Any],
    tmp_path: Path,
    count_reads: list[Path],
) -> None:
    for number in range(3):
        run = new_run(task=f"t{number}")
        run.value("loss", float(number), primary=True)
        run.end()
    live = new_run()
    first = follow()
    eventually(lambda: len(first.store.quiet) == 3)
    eventually(lambda: all(entry.kept for entry in first.store.quiet.values()))
    rows = first.rows()
    first.close()
    count_reads.clear()
    second = follow()
    assert set(count_reads) == {live.path}
    assert [row for row in second.rows() if b'"state":"finished"' in row] == [
        row for row in rows if b'"state":"finished"' in row
    ]
    assert second.run_of_task("t1") is not None
    # All the rest is read when it is asked for.
    run = next(run for run in second.summaries() if run.task == "t2")
    assert second.detail(run.id).metrics[0].last == 2.0
    assert second.values(run.id, ["loss"])["loss"][2].tolist() == [2.0]


def _grow(run: Any) -> None:
    with next((run.path / "streams").glob("*.jsonl")).open("a") as file:
        file.write('{"type": "status", "time": 9e9, "state": "killed"}\n')


def _replace_info(run: Any) -> None:
    (run.path / "new").write_text('{"user": "eve"}')
    (run.path / "new").rename(run.path / "run.json")


def _copy(run: Any) -> None:
    shutil.copytree(run.path, run.path.with_name("copy"))
    shutil.rmtree(run.path)
    run.path.with_name("copy").rename(run.path)


@pytest.mark.parametrize("change", [_grow, _replace_info, _copy])
def test_a_run_that_changed_while_nobody_looked_is_read_anew(
    follow: Callable[[], Workspace],
    new_run: Callable[..., Any],
    eventually: Callable[..., Any],
    count_reads: list[Path],
    change: Callable[[Any], None],
) -> None:
    run = new_run()
    run.end()
    first = follow()
    eventually(lambda: all(entry.kept for entry in first.store.quiet.values()) and first.store.quiet)
    first.close()
    change(run)
    count_reads.clear()
    (summary,) = follow().summaries()
    assert count_reads
    if change is _grow:
        assert summary.state == "killed"
    elif change is _replace_info:
        assert summary.user == "eve"


def test_a_damaged_run_is_not_kept(
    follow: Callable[[], Workspace], new_run: Callable[..., Any], eventually: Callable[..., Any], tmp_path: Path
) -> None:
    run = new_run()
    run.value("loss", 1.0)
    run.end()
    (file,) = (run.path / "streams").glob("*.scalars")
    file.write_bytes(file.read_bytes()[:-1])
    new_run().end()
    first = follow()
    eventually(lambda: len(first.store.quiet) == 2)
    eventually(lambda: any(entry.kept for entry in first.store.quiet.values()))
    assert [entry.kept for entry in first.store.quiet.values() if entry.doubtful] == [False]
    (cached,) = SummaryCache(tmp_path / "cache", run.path.parents[1]).load().values()
    assert not cached.relative.endswith(run.path.name)
