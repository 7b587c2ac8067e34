"""The executor for this machine.

Each task a process in a session of its own, ended with everything it started.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ailab_server.scheduler.environment import task_environment
from ailab_server.scheduler.executor import Job, Outcome, StartError
from ailab_server.scheduler.processes import members, send

__all__ = ["LocalExecutor"]

_LOOK_AGAIN = 0.05
_LINGER = 2.0
_GRACE = 5.0


class LocalExecutor:
    """Runs jobs as processes of this machine, as the server's user.

    A task is its command: when that has ended, what it left behind (a server in the background, say) has two
    seconds to go by itself and is then ended too, because it may still hold the task's GPUs.
    """

    def __init__(self, state_dir: Path | None = None) -> None:
        self._temporary = state_dir is None
        if state_dir is None:
            self._folder = Path(tempfile.mkdtemp(prefix="ailab-server-"))  # only this user may enter
        else:
            self._folder = state_dir / "tasks"
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def start(self, job: Job, ended: Callable[[Outcome], None]) -> "LocalJob":
        """See ``executor.Executor``."""
        environment = task_environment(os.environ, job.gpu_ids, job.variables)
        # ``python train.py`` means the Python that has AI Lab, however the server was started.
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
        log = self._log(job.task)
        try:
            fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StartError(f"its output cannot be kept in {self._folder}: {error.strerror}") from None
        try:
            process = subprocess.Popen(
                job.command,
                cwd=job.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=fd,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise StartError(_why(job, error)) from None
        finally:
            os.close(fd)
        return LocalJob(process, job.task, log, ended)

    def forget(self, task: str) -> None:
        """See ``executor.Executor``."""
        self._log(task).unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the outputs, unless the config names a folder for them."""
        if self._temporary:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _log(self, task: str) -> Path:
        return self._folder / f"{task}.log"


class LocalJob:
    """One process and everything it starts, watched by a thread."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", task: str, log: Path, ended: Callable[[Outcome], None]
    ) -> None:
        self._process = process
        self._task = task
        self._log = log
        self._ended = ended
        self._kill_at: float | None = None  # on the monotonic clock, once it is to end
        self._killer: threading.Timer | None = None
        self._asked: set[int] = set()  # who got SIGTERM; a second one makes some programs give up their clean end
        self._over = False
        self._lock = threading.Lock()
        threading.Thread(target=self._watch, name=f"ailab-task-{task}", daemon=True).start()

    def stop(self, grace: float) -> None:
        """See ``executor.Handle``."""
        kill_at = time.monotonic() + grace
        with self._lock:
            if self._over or (self._kill_at is not None and self._kill_at <= kill_at):
                return  # over, or to be over sooner
            self._kill_at = kill_at
            if self._killer is not None:
                self._killer.cancel()
            self._killer = threading.Timer(grace, self._kill)
            self._killer.daemon = True
            self._killer.start()
            if not self._asked:
                self._ask(members(self._process.pid, self._task))

    def output(self, limit: int) -> str:
        """See ``executor.Handle``."""
        return tail(self._log, limit)

    def _watch(self) -> None:
        # The command is waited for but not yet reaped: while its zombie stands, nobody else can get its
        # number, and signals to the group cannot meet a stranger.
        if hasattr(os, "waitid"):
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        else:
            self._process.wait()
        self._sweep()
        with self._lock:
            self._over = True
            if self._killer is not None:
                self._killer.cancel()
            code = self._process.wait()
        self._ended(Outcome(code))

    def _sweep(self) -> None:
        """Wait until nothing of the task is left, and see to it."""
        linger_until = time.monotonic() + _LINGER
        while left := members(self._process.pid, self._task):
            with self._lock:
                now = time.monotonic()
                if self._kill_at is None and now >= linger_until:
                    self._kill_at = now + _GRACE
                if self._kill_at is not None and now >= self._kill_at:
                    send(self._process.pid, left, signal.SIGKILL)
                elif self._kill_at is not None:
                    self._ask(left)
            time.sleep(_LOOK_AGAIN)

    def _ask(self, pids: set[int]) -> None:
        new = pids - self._asked
        if new:
            send(self._process.pid, new, signal.SIGTERM)
            self._asked |= new

    def _kill(self) -> None:
        with self._lock:
            if not self._over:
                send(self._process.pid, members(self._process.pid, self._task), signal.SIGKILL)


def tail(path: Path, limit: int) -> str:
    """The last ``limit`` bytes of a text file, from the beginning of a line if there is one.

    "" if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - limit))
            data = file.read(limit)
    except OSError:
        return ""
    if size > limit:
        data = data.partition(b"\n")[2] or data
    return data.decode("utf-8", "replace")


def _why(job: Job, error: Exception) -> str:
    if not Path(job.folder).is_dir():
        return f"the folder {job.folder} is gone"
    if isinstance(error, FileNotFoundError):
        return f"there is no program {job.command[0]!r} on this machine"
    if isinstance(error, PermissionError):
        return f"{job.command[0]!r} may not be run"
    return f"{job.command[0]!r} cannot be run: {getattr(error, 'strerror', None) or error}"
