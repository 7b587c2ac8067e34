from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ailab import current
from ailab.data.batches import BatchLoader
from ailab.data.engine import runner, shelf
from ailab.data.engine.faults import WorkerDied
from ailab.data.keras import BatchedKerasDataset
from ailab.testing.samples import STRUCTURES, Made, assert_same
from ailab_keras import feed
from ailab_keras.workers import Beginning
from core.data.engine.helpers import wait_for


def model() -> Any:
    x = keras.Input((1,))
    made = keras.Model(x, keras.layers.Dense(1)(x))
    made.compile("sgd", "mse")
    return made


@pytest.mark.parametrize("workers", [0, 2])
def test_memory_that_is_used_again_changes_no_batch(workers: int) -> None:
    # TensorFlow takes over large arrays instead of copying them, and keeps several in store.
    numbers = [(np.full(80_000, index, np.float32), np.float32(index)) for index in range(200)]
    x = keras.Input((80_000,))
    ends = keras.Model(x, keras.layers.Lambda(lambda x: keras.ops.stack([x[:, 0], x[:, -1]], 1))(x))
    predicted = ends.predict(BatchedKerasDataset(numbers, 4, shuffle=False, workers=workers), verbose=0)
    assert predicted.tolist() == [[index, index] for index in range(200)]


def told_where(length: int = 40) -> Made:
    """Samples whose label is the process that has read them."""
    return Made(lambda index: (np.ones(1, np.float32), np.int64(os.getpid())), length)


def until(met: Any) -> None:
    end = time.monotonic() + 20
    while not met():
        assert time.monotonic() < end
        time.sleep(0.01)


def readers(batched: BatchedKerasDataset) -> set[int]:
    """The processes that read a pass."""
    batched.on_epoch_begin()
    found = {int(pid) for number in range(batched.num_batches) for pid in batched[number][1]}
    batched.on_epoch_end()
    return found


def test_workers_read_during_a_pass_and_end_with_it() -> None:
    batched = BatchedKerasDataset(told_where(), 4, workers=2)
    assert set(batched[3][1].tolist()) == {os.getpid()}
    first, second = readers(batched), readers(batched)
    assert len(first) == len(second) == 2
    assert not first & second
    assert os.getpid() not in first | second
    assert not multiprocessing.active_children()
    assert {int(pid) for _, pids in batched for pid in pids}.isdisjoint({os.getpid()})


def test_workers_that_live_on() -> None:
    batched = BatchedKerasDataset(told_where(), 4, workers=2, persistent_workers=True)
    found = readers(batched)
    workers = {child.pid for child in multiprocessing.active_children()}
    assert len(workers) == 2
    assert found | readers(batched) | readers(batched) == workers
    del batched
    gc.collect()
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("what", ["fit", "evaluate", "predict"])
def test_fit_evaluate_and_predict_leave_nothing_behind(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "KEPT", 0.05)
    before = shared_memory()
    batched = BatchedKerasDataset(Made(lambda i: (np.ones(1, np.float32), np.float32(i)), 200), 4, workers=2)
    getattr(model(), what)(batched, verbose=0)
    assert batched.epoch == 1
    assert not multiprocessing.active_children()
    # TensorFlow lets go of its last arrays when it makes new ones.
    wait_for(lambda: shared_memory() <= before + 4)


def shared_memory() -> int:
    return Path("/proc/self/maps").read_text().count("ailab-batches")


def test_an_index_asked_for_again_is_read_here_and_takes_nothing_away() -> None:
    batched = BatchedKerasDataset(told_where(), 4, workers=2)
    plain = BatchLoader(Made(STRUCTURES["random"], 40), 4)
    both = BatchedKerasDataset(Made(STRUCTURES["random"], 40), 4, workers=2)
    for each in (batched, both):
        each.on_epoch_begin()
        assert each.num_batches == 10
    assert os.getpid() not in batched[5][1]
    assert os.getpid() not in batched[7][1]
    assert os.getpid() in batched[5][1]
    assert os.getpid() not in batched[0][1]
    given = [both[index] for index in (3, 3, 8, 3, 0)]
    assert_same(tuple(given), tuple(plain.batch(number) for number in (0, 0, 1, 0, 2)))
    for each in (batched, both):
        each.set_epoch(0)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, None])
def test_an_interrupted_fit_leaves_no_process(error: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupt(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 2:
                self.model.stop_training = True
                if error is not None:
                    raise error

    monkeypatch.setattr(feed, "_IDLE", 0.2)
    batched = BatchedKerasDataset(Made(lambda i: (np.ones(1, np.float32), np.float32(i)), 4000), 4, workers=2)
    with suppress(KeyboardInterrupt, ValueError):
        model().fit(batched, verbose=0, callbacks=[Interrupt()])
    until(lambda: not multiprocessing.active_children())
    # The next training has its own pass, from the beginning.
    model().fit(batched, verbose=0)
    assert batched.epoch == 2
    assert not multiprocessing.active_children()


def test_a_pause_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "_IDLE", 0.1)
    dataset = Made(STRUCTURES["random"], 40)
    batched = BatchedKerasDataset(dataset, 4, workers=2)
    batched.on_epoch_begin()
    given = [batched[number] for number in range(batched.num_batches - 6)]
    until(lambda: not multiprocessing.active_children())
    given += [batched[number] for number in range(4, 10)]
    batched.on_epoch_end()
    assert_same(tuple(given), tuple(BatchLoader(dataset, 4)))
    assert not multiprocessing.active_children()


def test_a_pass_in_use_is_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "_IDLE", 0.05)
    batched = BatchedKerasDataset(told_where(), 4, workers=1)
    batched.on_epoch_begin()
    pids: set[int] = set()
    for number in range(batched.num_batches):
        pids.update(batched[number][1].tolist())
        time.sleep(0.03)  # a training step
    batched.on_epoch_end()
    assert len(pids) == 1


def test_the_garbage_collector_ends_a_pass() -> None:
    batched = BatchedKerasDataset(told_where(), 4, workers=2)
    batched.on_epoch_begin()
    assert batched.num_batches == 10
    batched[0]
    assert len(multiprocessing.active_children()) == 2
    del batched
    assert not multiprocessing.active_children()


def test_the_death_of_a_worker_is_told() -> None:
    def sample(index: int) -> Any:
        if index == 9:
            os._exit(3)
        return np.ones(1, np.float32), np.float32(index)

    batched = BatchedKerasDataset(Made(sample, 40), 4, shuffle=False, workers=1)
    batched.on_epoch_begin()
    with pytest.raises(WorkerDied, match="while reading samples"):
        [batched[number] for number in range(batched.num_batches)]
    assert not multiprocessing.active_children()


def squared(index: int) -> Any:
    x = tf.random.stateless_uniform((1,), (index, 0))
    return np.asarray(tf.square(x)), np.float32(index)


def test_tensorflow_in_a_worker_is_refused() -> None:
    model_ = model()
    with pytest.raises(tf.errors.OpError, match=r"has called TensorFlow in a worker process[\s\S]*workers=0"):
        model_.fit(BatchedKerasDataset(Made(squared, 40), 4, workers=2), verbose=0)


def test_auto_reads_here_what_calls_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "choose", lambda *_, **__: (2, 1))
    dataset = Made(squared, 40)
    batched = BatchedKerasDataset(dataset, 4)
    with pytest.warns(RuntimeWarning, match="TensorFlowInWorker"):
        assert_same(tuple(batched), tuple(BatchLoader(dataset, 4)))
    model().fit(batched, verbose=0)
    assert batched._streams.chosen == (0, 1)


def test_auto_measures() -> None:
    batched = BatchedKerasDataset(told_where(), 4, workers="auto")
    assert readers(batched) == {os.getpid()}
    assert batched._streams.chosen == (0, 1)


def test_a_process_that_is_no_fork_may_use_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    pywrap = tf.python.pywrap_tfe if hasattr(tf, "python") else sys.modules["tensorflow.python.pywrap_tfe"]
    monkeypatch.setattr(pywrap, "TFE_Py_Execute", pywrap.TFE_Py_Execute)
    monkeypatch.setattr(pywrap, "TFE_Py_FastPathExecute", pywrap.TFE_Py_FastPathExecute)
    pickle.loads(pickle.dumps(Beginning()))(0, 1, lambda indices, epoch: None)  # noqa: S301
    assert tf.square(3.0).numpy() == 9


def test_threads_read_ahead() -> None:
    found: set[str] = set()

    def sample(index: int) -> Any:
        found.add(threading.current_thread().name)
        return np.ones(1, np.float32), np.float32(index)

    model().fit(BatchedKerasDataset(Made(sample, 40), 4, threads_per_worker=3), verbose=0)
    assert any(name.startswith("ailab-samples") for name in found)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"workers": 0}, (0, 1)),
        ({"workers": 3}, (3, 1)),
        ({"workers": 3, "use_multiprocessing": True, "max_queue_size": 10}, (3, 1)),
        ({"workers": 3, "use_multiprocessing": False}, (0, 3)),
        ({"workers": 0, "use_multiprocessing": False}, (0, 1)),
        ({"workers": 2, "threads_per_worker": 4}, (2, 4)),
        ({}, None),
        ({"workers": "auto"}, None),
    ],
)
def test_what_pydatasets_arguments_mean(arguments: dict[str, Any], expected: Any) -> None:
    batched = BatchedKerasDataset(told_where(), 4, **arguments)
    assert batched._streams.chosen == expected
    assert (batched.workers, batched.use_multiprocessing) == (1, False)  # what Keras looks at


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"workers": -1}, ValueError),
        ({"workers": 1.5}, TypeError),
        ({"workers": True}, TypeError),
        ({"threads_per_worker": 0}, ValueError),
        ({"use_multiprocessing": 1}, TypeError),
        ({"use_multiprocessing": False, "workers": 2, "threads_per_worker": 2}, ValueError),
        ({"use_multiprocessing": False, "workers": "auto"}, ValueError),
        ({"max_queue_size": 0}, ValueError),
        ({"max_queue_size": 8, "workers": "auto"}, ValueError),
    ],
)
def test_wrong_workers_are_refused(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=f"{next(iter(arguments))}="):
        BatchedKerasDataset(told_where(), 4, **arguments)
    with pytest.raises(AttributeError, match="workers"):
        BatchedKerasDataset(told_where(), 4).workers = 4  # type: ignore[misc]


def test_max_queue_size_limits_what_is_made_ahead() -> None:
    read = multiprocessing.Value("i", 0)

    def sample(index: int) -> Any:
        with read.get_lock():
            read.value += 1
        return np.ones(1, np.float32), np.float32(index)

    batched = BatchedKerasDataset(Made(sample, 400), 1, workers=2, max_queue_size=6)
    batched.on_epoch_begin()
    assert batched.num_batches == 400
    batched[0]
    until(lambda: read.value >= 6)
    assert read.value <= 8
    batched.set_epoch(0)


def test_the_run_is_told_of_trainings_alone() -> None:
    noted: list[float] = []
    stop = current.on_waiting(lambda fraction, advice: noted.append(fraction))

    def slow(index: int) -> Any:
        time.sleep(0.005)
        return np.ones(1, np.float32), np.float32(index)

    training = BatchedKerasDataset(Made(slow, 80), 4, workers=0)
    assert training.wait_fraction == 0
    held_out = BatchedKerasDataset(Made(slow, 16), 4, shuffle=False, workers=0)
    model().fit(training, validation_data=held_out, epochs=2, verbose=0)
    stop()
    assert len(noted) == 2
    assert training.wait_fraction == noted[-1] > 0.5
    assert held_out.wait_fraction > 0.5


def test_a_script_that_is_killed_leaves_no_worker(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import multiprocessing, os, signal, numpy as np, ailab.data.keras as a\n"
        "b = a.BatchedKerasDataset([(np.ones(1), np.ones(1))] * 40, 4, workers=2)\n"
        "b.on_epoch_begin(); b.num_batches; b[0]\n"
        "print(*[child.pid for child in multiprocessing.active_children()], flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 2, done.stderr
    until(lambda: not any(lives(pid) for pid in pids))


def lives(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
