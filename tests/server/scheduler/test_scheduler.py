"""The scheduler with an executor that starts nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from ailab_server.scheduler.allocation import Allocation
from ailab_server.scheduler.executor import Handle, Job, Outcome, StartError
from ailab_server.scheduler.request import Request
from ailab_server.scheduler.scheduler import QueueFull, Scheduler


class FakeHandle:
    def __init__(self) -> None:
        self.stops: list[float] = []

    def stop(self, grace: float) -> None:
        self.stops.append(grace)

    def output(self, limit: int) -> str:
        return "some output"[-limit:]


class FakeExecutor:
    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.handles: dict[str, FakeHandle] = {}
        self.ends: dict[str, Callable[[Outcome], None]] = {}
        self.forgotten: list[str] = []
        self.refuse: Exception | None = None

    def start(self, job: Job, ended: Callable[[Outcome], None]) -> Handle:
        if self.refuse is not None:
            raise self.refuse
        self.jobs.append(job)
        self.ends[job.task] = ended
        self.handles[job.task] = FakeHandle()
        return self.handles[job.task]

    def forget(self, task: str) -> None:
        self.forgotten.append(task)

    def close(self) -> None:
        pass


@pytest.fixture
def executor() -> FakeExecutor:
    return FakeExecutor()


@pytest.fixture
def changes() -> list[int]:
    return []


@pytest.fixture
def scheduler(executor: FakeExecutor, changes: list[int]) -> Scheduler:
    return Scheduler(Allocation([3, 4], 2), executor, lambda: changes.append(1), {"AILAB_WORKSPACE": "/w"}, grace=0.5)


def want(gpus: int) -> Request:
    return Request(("python", "x.py"), "/tmp", gpus, "x.py")


def test_a_task_runs_with_its_ids_and_variables(
    scheduler: Scheduler, executor: FakeExecutor, changes: list[int]
) -> None:
    task = scheduler.submit(want(2), "ada")
    assert (task.state, task.gpu_ids, task.user) == ("running", (3, 4), "ada")
    job = executor.jobs[0]
    assert job.gpu_ids == (3, 4)
    assert job.variables == {"AILAB_WORKSPACE": "/w", "AILAB_TASK_ID": task.id}
    assert {gpu: [task.id for task in held] for gpu, held in scheduler.holders().items()} == {
        3: [task.id],
        4: [task.id],
    }
    assert changes


@pytest.mark.parametrize(("code", "state"), [(0, "finished"), (1, "failed"), (-9, "failed")])
def test_how_it_ends(scheduler: Scheduler, executor: FakeExecutor, code: int, state: str) -> None:
    task = scheduler.submit(want(1), "ada")
    executor.ends[task.id](Outcome(code))
    ended = scheduler.get(task.id)
    assert (ended.state, ended.exit_code, ended.output) == (state, code, "some output")
    assert ended.finished is not None
    assert scheduler.holders() == {}


def test_the_next_starts_only_when_the_ids_are_free(scheduler: Scheduler, executor: FakeExecutor) -> None:
    first, second, third = (scheduler.submit(want(n), "ada") for n in (1, 2, 1))
    assert [scheduler.get(t.id).state for t in (first, second, third)] == ["running", "queued", "queued"]
    executor.ends[first.id](Outcome(0))
    assert [scheduler.get(t.id).state for t in (first, second, third)] == ["finished", "running", "queued"]
    executor.ends[second.id](Outcome(0))
    assert scheduler.get(third.id).gpu_ids == (3,)


def test_stopping_a_waiting_task_lets_those_behind_it_go(scheduler: Scheduler, executor: FakeExecutor) -> None:
    scheduler.submit(want(1), "ada")
    blocker, behind = scheduler.submit(want(2), "ada"), scheduler.submit(want(1), "ada")
    assert scheduler.stop(blocker.id).state == "killed"
    assert scheduler.get(behind.id).state == "running"
    assert blocker.id not in executor.handles


def test_a_stopped_task_holds_its_ids_until_it_is_gone(scheduler: Scheduler, executor: FakeExecutor) -> None:
    task = scheduler.submit(want(2), "ada")
    waiting = scheduler.submit(want(1), "ada")
    assert scheduler.stop(task.id).state == "running"
    assert executor.handles[task.id].stops == [0.5]
    assert set(scheduler.holders()) == {3, 4}
    assert scheduler.get(waiting.id).state == "queued"
    executor.ends[task.id](Outcome(0))
    assert scheduler.get(task.id).state == "killed"
    assert scheduler.get(waiting.id).state == "running"
    assert scheduler.stop(task.id).state == "killed"  # once more does nothing
    assert executor.handles[task.id].stops == [0.5]


@pytest.mark.parametrize("error", [StartError("no such program"), RuntimeError("a plugin's bug")])
def test_what_cannot_start_fails_and_frees_its_ids(
    scheduler: Scheduler, executor: FakeExecutor, error: Exception
) -> None:
    executor.refuse = error
    task = scheduler.submit(want(2), "ada")
    assert (task.state, task.exit_code) == ("failed", None)
    assert task.output.startswith("ailab-server: ")
    assert ("no such program" in task.output) is isinstance(error, StartError)
    assert scheduler.holders() == {}
    executor.refuse = None
    assert scheduler.submit(want(2), "ada").state == "running"


def test_the_queue_and_the_memory_of_it_are_bounded(
    scheduler: Scheduler, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "_most_waiting", 3)
    monkeypatch.setattr(Scheduler, "MOST_REMEMBERED", 2)
    tasks = [scheduler.submit(want(2), "ada") for _ in range(4)]
    with pytest.raises(QueueFull):
        scheduler.submit(want(2), "ada")
    for task in tasks:
        executor.ends[task.id](Outcome(0))
    assert [task.id for task in scheduler.tasks()] == [tasks[3].id, tasks[2].id]
    assert executor.forgotten == [tasks[0].id, tasks[1].id]
    with pytest.raises(KeyError):
        scheduler.get(tasks[0].id)


def test_closing_ends_everything_and_starts_nothing(scheduler: Scheduler, executor: FakeExecutor) -> None:
    running, waiting = scheduler.submit(want(2), "ada"), scheduler.submit(want(2), "ada")
    stop = executor.handles[running.id].stop

    def stop_and_end(grace: float) -> None:
        stop(grace)
        threading.Thread(target=executor.ends[running.id], args=[Outcome(-15)]).start()

    executor.handles[running.id].stop = stop_and_end  # type: ignore[method-assign]
    scheduler.close()
    assert [scheduler.get(t.id).state for t in (running, waiting)] == ["killed", "killed"]
    with pytest.raises(QueueFull):
        scheduler.submit(want(0), "ada")
