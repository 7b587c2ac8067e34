"""Who starts next, and with which GPUs: pure bookkeeping, no processes, no clock."""

from collections import deque
from collections.abc import Container, Sequence

__all__ = ["Allocation"]


class Allocation:
    """First come, first served, and no id to more than ``tasks_per_gpu`` tasks, one by default.

    Two lines wait: tasks that want GPUs and tasks that want none. Each is strictly in order: while the first
    of the GPU line wants four ids and three are free, nobody behind it gets them, so no number of small tasks
    starves a large one. Tasks without a GPU take nothing from that line, so they do not wait in it; at most
    ``cpu_slots`` of them run at once.
    """

    def __init__(self, gpus: Sequence[int], cpu_slots: int, tasks_per_gpu: int = 1) -> None:
        if len(set(gpus)) != len(gpus):
            raise ValueError(f"gpus must be distinct, not {list(gpus)}")
        if cpu_slots < 1:
            raise ValueError(f"cpu_slots must be at least 1, not {cpu_slots}")
        if tasks_per_gpu < 1:
            raise ValueError(f"tasks_per_gpu must be at least 1, not {tasks_per_gpu}")
        self._gpus = tuple(gpus)
        self._tasks_per_gpu = tasks_per_gpu
        self._cpu_slots = cpu_slots
        self._gpu_line: deque[tuple[str, int]] = deque()
        self._cpu_line: deque[str] = deque()
        self._holders: dict[int, list[str]] = {}
        self._running: dict[str, tuple[int, ...]] = {}

    @property
    def holders(self) -> dict[int, tuple[str, ...]]:
        """GPU id → the tasks that have it, the longest first; free ids are absent."""
        return {gpu: tuple(tasks) for gpu, tasks in self._holders.items()}

    @property
    def waiting(self) -> int:
        """How many tasks wait."""
        return len(self._gpu_line) + len(self._cpu_line)

    def enqueue(self, task: str, gpus: int) -> None:
        """Put ``task`` at the end of its line.

        Raises:
            ValueError: it wants more GPUs than there are, or is known already.
        """
        if not 0 <= gpus <= len(self._gpus):
            raise ValueError(f"{gpus} GPUs were asked for; there are {len(self._gpus)}")
        if task in self._running or task in self._cpu_line or any(task == other for other, _ in self._gpu_line):
            raise ValueError(f"task {task} is known already")
        if gpus:
            self._gpu_line.append((task, gpus))
        else:
            self._cpu_line.append(task)

    def withdraw(self, task: str) -> bool:
        """Take a waiting task out of its line; False if it does not wait."""
        before = self.waiting
        self._gpu_line = deque(entry for entry in self._gpu_line if entry[0] != task)
        self._cpu_line = deque(other for other in self._cpu_line if other != task)
        return self.waiting < before

    def take(self, foreign: Container[int] = ()) -> tuple[str, tuple[int, ...]] | None:
        """The next task that can start and the ids it now holds: those with the fewest tasks, then the lowest.

        None if nobody can.

        Args:
            foreign: ids that are busy with what is nobody's task here; they are not handed out.
        """
        if self._gpu_line:
            task, wanted = self._gpu_line[0]
            free = [gpu for gpu in self._gpus if self._load(gpu) < self._tasks_per_gpu and gpu not in foreign]
            if len(free) >= wanted:
                self._gpu_line.popleft()
                ids = tuple(sorted(sorted(free, key=lambda gpu: (self._load(gpu), gpu))[:wanted]))
                for gpu in ids:
                    self._holders.setdefault(gpu, []).append(task)
                self._running[task] = ids
                return task, ids
        without = sum(1 for ids in self._running.values() if not ids)
        if self._cpu_line and without < self._cpu_slots:
            task = self._cpu_line.popleft()
            self._running[task] = ()
            return task, ()
        return None

    def release(self, task: str) -> None:
        """The task is over, its ids are free. KeyError if it does not run."""
        for gpu in self._running.pop(task):
            self._holders[gpu].remove(task)
            if not self._holders[gpu]:
                del self._holders[gpu]

    def _load(self, gpu: int) -> int:
        return len(self._holders.get(gpu, ()))
