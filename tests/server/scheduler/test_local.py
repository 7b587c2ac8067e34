"""The local executor with real processes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ailab_server.scheduler import local
from ailab_server.scheduler.executor import Job, Outcome, StartError
from ailab_server.scheduler.local import LocalExecutor, tail
from ailab_server.scheduler.processes import members

PYTHON = sys.executable


class Ended:
    """Waits for a job's end."""

    def __init__(self) -> None:
        self.outcome: Outcome | None = None
        self.event = threading.Event()

    def __call__(self, outcome: Outcome) -> None:
        assert self.outcome is None, "it ended twice"
        self.outcome = outcome
        self.event.set()

    def wait(self) -> Outcome:
        assert self.event.wait(20)
        assert self.outcome is not None
        return self.outcome


@pytest.fixture
def executor() -> Iterator[LocalExecutor]:
    made = LocalExecutor()
    yield made
    made.close()


@pytest.fixture
def run(executor: LocalExecutor, tmp_path: Path) -> Iterator[Callable[..., tuple[Any, Ended]]]:
    jobs = []

    def start(*command: str, gpus: tuple[int, ...] = ()) -> tuple[Any, Ended]:
        ended = Ended()
        task = f"task{len(jobs)}-{os.urandom(4).hex()}"
        job = Job(task, command, str(tmp_path), gpus, {"AILAB_TASK_ID": task})
        handle = executor.start(job, ended)
        jobs.append((handle, ended))
        return handle, ended

    yield start
    for handle, ended in jobs:
        handle.stop(0.0)
        ended.wait()


def test_exit_code_folder_and_output(run: Callable[..., Any], tmp_path: Path) -> None:
    handle, ended = run("sh", "-c", "pwd; echo wrong >&2; exit 3")
    assert ended.wait() == Outcome(3)
    assert handle.output(1000) == f"{tmp_path}\nwrong\n"


def test_nothing_of_a_command_is_a_shells(run: Callable[..., Any], tmp_path: Path) -> None:
    strange = ["; touch a", "$(touch b)", "`touch c`", "x\ntouch d", "-rf", "*", "> e", "| touch f"]
    handle, ended = run(PYTHON, "-c", "import sys; print(sys.argv[1:])", *strange)
    assert ended.wait() == Outcome(0)
    assert handle.output(1000) == f"{strange}\n"
    assert list(tmp_path.iterdir()) == []


def test_the_environment_is_the_allowed_one(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_SECRET", "canary")
    handle, ended = run(PYTHON, "-c", "import os; print(dict(os.environ))", gpus=(2, 5))
    ended.wait()
    environment = eval(handle.output(100_000))
    assert environment["CUDA_VISIBLE_DEVICES"] == "2,5"
    assert environment["PATH"] == f"{Path(PYTHON).parent}{os.pathsep}{os.environ['PATH']}"
    assert environment["AILAB_TASK_ID"].startswith("task0")
    assert "canary" not in handle.output(100_000)


def test_stdin_is_empty_and_no_descriptor_is_inherited(run: Callable[..., Any]) -> None:
    code = "import os, sys; print(repr(sys.stdin.read()), len(os.listdir('/proc/self/fd')))"
    with Path(os.devnull).open("rb") as spare:
        os.set_inheritable(spare.fileno(), True)
        handle, ended = run(PYTHON, "-c", code)
        ended.wait()
    assert handle.output(1000) == "'' 4\n"  # stdin, stdout, stderr and the listing's own


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("no-such-program", "there is no program 'no-such-program'"),
        ("./nothing", "there is no program './nothing'"),
        ("/etc/passwd", "'/etc/passwd' may not be run"),
        ("/tmp", "'/tmp' may not be run"),
    ],
)
def test_what_cannot_start_says_why(executor: LocalExecutor, tmp_path: Path, command: str, reason: str) -> None:
    with pytest.raises(StartError, match=reason):
        executor.start(Job("t", (command,), str(tmp_path), ()), lambda outcome: pytest.fail("ended"))


def test_a_folder_that_went_away_is_named(executor: LocalExecutor, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="the folder .*gone is gone"):
        executor.start(Job("t", ("true",), str(tmp_path / "gone"), ()), lambda outcome: None)


TREE = """
import os, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", '''
import subprocess, sys, time, os
same_group = subprocess.Popen(["sleep", "1000"])
own_session = subprocess.Popen(["sleep", "1000"], start_new_session=True)
print(os.getpid(), same_group.pid, own_session.pid, flush=True)
time.sleep(1000)
'''])
time.sleep(1000)
"""


def test_stop_ends_children_grandchildren_and_those_in_a_session_of_their_own(
    alive: Callable[[int], bool], run: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    handle, ended = run(PYTHON, "-c", TREE)
    pids = [int(word) for word in eventually(lambda: handle.output(1000)).split()]
    assert len(pids) == 3
    assert all(alive(pid) for pid in pids)
    handle.stop(5.0)
    assert ended.wait() == Outcome(-signal.SIGTERM)
    assert not any(alive(pid) for pid in pids)


def test_a_task_may_end_cleanly_when_it_is_stopped(run: Callable[..., Any], eventually: Callable[..., Any]) -> None:
    code = """if True:
        import signal, sys, time
        signal.signal(15, lambda *_: (print('saved'), sys.exit(7)))
        print('up')
        time.sleep(99)
    """
    handle, ended = run(PYTHON, "-u", "-c", code)
    eventually(lambda: handle.output(100) == "up\n")
    handle.stop(10.0)
    assert ended.wait() == Outcome(7)
    assert handle.output(100) == "up\nsaved\n"


def test_who_ignores_sigterm_is_killed_after_the_grace(run: Callable[..., Any], eventually: Callable[..., Any]) -> None:
    code = "trap '' TERM; echo up; while true; do sleep 1000; done"
    handle, ended = run("sh", "-c", code)
    eventually(lambda: handle.output(100) == "up\n")
    handle.stop(0.3)
    assert ended.wait() == Outcome(-signal.SIGKILL)


def test_a_second_stop_can_only_hurry(run: Callable[..., Any], eventually: Callable[..., Any]) -> None:
    handle, ended = run("sh", "-c", "trap '' TERM; echo up; while true; do sleep 1000; done")
    eventually(lambda: handle.output(100) == "up\n")
    handle.stop(1000.0)
    handle.stop(2000.0)
    assert not ended.event.is_set()
    handle.stop(0.0)
    assert ended.wait() == Outcome(-signal.SIGKILL)


def test_it_is_over_only_when_what_it_left_behind_is_gone(
    alive: Callable[[int], bool],
    run: Callable[..., Any],
    eventually: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its ids must not go to another task while a child still uses them."""
    monkeypatch.setattr(local, "_LINGER", 1000.0)
    handle, ended = run("sh", "-c", "sleep 1000 & echo $!; exit 0")
    child = int(eventually(lambda: handle.output(100)))
    eventually(lambda: not alive(handle._process.pid))
    assert alive(child)
    assert not ended.event.wait(0.2)
    os.kill(child, signal.SIGKILL)
    assert ended.wait() == Outcome(0)


def test_what_it_left_behind_is_ended_after_a_while(
    alive: Callable[[int], bool],
    run: Callable[..., Any],
    eventually: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local, "_LINGER", 0.1)
    handle, ended = run("sh", "-c", "sleep 1000 & echo $!")
    child = int(eventually(lambda: handle.output(100)))
    assert ended.wait() == Outcome(0)
    assert not alive(child)


def test_strangers_are_no_members(run: Callable[..., Any], eventually: Callable[..., Any]) -> None:
    first, _ = run("sleep", "1000")
    second, _ = run("sleep", "1000")
    found = members(first._process.pid, first._task)
    assert found == {first._process.pid}
    assert second._process.pid not in found
    assert os.getpid() not in found


def test_outputs_are_private_and_go_with_the_executor(tmp_path: Path) -> None:
    executor = LocalExecutor()
    folder = executor._folder
    ended = Ended()
    executor.start(Job("t", ("true",), str(tmp_path), ()), ended)
    ended.wait()
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "t.log").stat().st_mode & 0o077 == 0
    executor.forget("t")
    assert not (folder / "t.log").exists()
    executor.close()
    assert not folder.exists()


def test_a_folder_of_the_config_stays(tmp_path: Path) -> None:
    executor = LocalExecutor(tmp_path / "state")
    executor.close()
    assert (tmp_path / "state" / "tasks").stat().st_mode & 0o077 == 0


def test_tail(tmp_path: Path) -> None:
    file = tmp_path / "log"
    assert tail(file, 10) == ""
    file.write_bytes(b"one\ntwo\nthree\n")
    assert tail(file, 100) == "one\ntwo\nthree\n"
    assert tail(file, 8) == "three\n"
    assert tail(file, 3) == "ee\n"
    file.write_bytes(b"\xff\x00ok")
    assert tail(file, 100) == "\ufffd\x00ok"
