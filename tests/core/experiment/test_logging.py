from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ailab import current
from ailab.experiment import Config, starting
from ailab.experiment import logging as log
from ailab.experiment.record import RunReader

SCRIPT = """
import os, signal, sys
from ailab.experiment import Config
import ailab.experiment.logging as log
config = Config()
config.train.experiment_name = "child"
for name in ("model", "loss", "metrics", "prepare"):
    setattr(config.arch, name, print)
path = log.setup(config=config, snapshot=False)
print("started", path, flush=True)
log.log_value(name="loss", value=0.5, primary=True)
"""


def read(path: Path) -> RunReader:
    reader = RunReader(path)
    reader.poll()
    return reader


def run_script(workspace: Path, body: str) -> tuple[subprocess.CompletedProcess[str], RunReader]:
    """Run a training in a process of its own; returns it and what its run folder says afterwards."""
    environment = {**os.environ, "AILAB_WORKSPACE": str(workspace)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT + body],
        env=environment,
        cwd=workspace.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    (path,) = (workspace / "child").iterdir()
    return done, read(path)


def test_a_run_is_recorded(tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("x = 1")
    monkeypatch.setenv("AILAB_TASK_ID", "task7")
    path = log.setup(config=config, workspace=tmp_path / "ws")
    print("hello from the training")
    log.log_value(name="loss", value=0.42, primary=True)
    log.log_value(name="mse", value=1.314, step=7)
    log.log_image(name="NumpyImage", data=np.zeros((2, 3, 3), np.uint8))
    log.update_progress(0.5)
    log.update_progress(1)
    log.finish()
    assert path.parent == tmp_path / "ws" / "SmallConfig"
    assert (path / "src" / "train.py").read_text() == "x = 1"
    assert not (path / "src" / "ws").exists()
    assert (path / "output.log").read_text() == "hello from the training\n"
    assert json.loads((path / "config.json").read_text())["train"]["batch_size"] == 42
    run = read(path)
    assert (run.state, run.progress, run.damaged) == ("finished", 1.0, False)
    assert run.values("loss")["value"].tolist() == [0.42]
    assert run.values("mse")["step"].tolist() == [7]
    assert (run.info["schema"], run.info["task"], run.info["pid"]) == (1, "task7", os.getpid())
    assert run.info["packages"]["numpy"] == np.__version__
    assert run.info["experiment"] == "SmallConfig"


def test_setup_puts_the_config_in_use_and_freezes_it(tmp_path: Path, config: Config) -> None:
    log.setup(config=config, workspace=tmp_path)
    assert current.config() is config
    with pytest.raises(RuntimeError, match="frozen"):
        config.train.epochs = 3


def test_where_the_workspace_comes_from(
    tmp_path: Path, make_config: Callable[[], Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert log.setup(config=make_config(), snapshot=False).parent.parent == tmp_path / "checkpoints"
    monkeypatch.setenv("AILAB_WORKSPACE", str(tmp_path / "env"))
    assert log.setup(config=make_config(), snapshot=False).parent.parent == tmp_path / "env"
    assert log.setup(config=make_config(), workspace=tmp_path / "arg", snapshot=False).parent.parent == tmp_path / "arg"


def test_a_second_setup_finishes_the_first_run(tmp_path: Path, make_config: Callable[[], Config]) -> None:
    first = log.setup(config=make_config(), workspace=tmp_path)
    second = log.setup(config=make_config(), workspace=tmp_path)
    log.log_value("loss", 1)
    assert first != second
    assert read(first).state == "finished"
    assert (read(second).state, list(read(second).metrics)) == ("running", ["loss"])


@pytest.mark.parametrize(
    "call",
    [
        lambda: log.log_value("loss", 1),
        lambda: log.log_image("a", np.zeros((1, 1, 1))),
        lambda: log.update_progress(0.5),
    ],
)
def test_logging_before_setup(call: Callable[[], None]) -> None:
    with pytest.raises(RuntimeError, match=r"call log\.setup\(config=config\)"):
        call()


def test_setup_wants_a_config() -> None:
    with pytest.raises(TypeError, match="config must be an instance of a Config subclass, got {} "):
        log.setup(config={})  # type: ignore[arg-type]


def test_an_experiment_name_that_is_a_path(tmp_path: Path, config: Config) -> None:
    config.train.experiment_name = "../elsewhere"
    with pytest.raises(ValueError, match=r"config\.train\.experiment_name must be a plain name"):
        log.setup(config=config, workspace=tmp_path / "ws")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_setup_leaves_the_run_in_progress_alone(tmp_path: Path, make_config: Callable[[], Config]) -> None:
    first = make_config()
    path = log.setup(config=first, workspace=tmp_path / "ws", snapshot=False)
    (tmp_path / "file").write_text("")
    bad_name, incomplete, holds_itself = make_config(), Config(), make_config()
    bad_name.train.experiment_name = "a/b"
    holds_itself.loop = holds_itself
    others = [make_config(), make_config()]
    current.use_config(first)
    for config, workspace, reason in [
        (bad_name, "ws", "experiment_name"),
        (incomplete, "ws", r"arch\.model is not set"),
        (holds_itself, "ws", "a part holds itself"),
        (others[0], "file", "cannot make a run in the workspace .*file"),
        (others[1], "nul\0", "workspace must be the path of a folder"),
    ]:
        with pytest.raises((ValueError, OSError), match=reason):
            log.setup(config=config, workspace=f"{tmp_path}/{workspace}")
        assert current.config() is first
        log.log_value("loss", 1.0)
    log.finish()
    assert [run.parent.name for run in (tmp_path / "ws").glob("*/*")] == ["SmallConfig"]
    assert read(path).metrics["loss"].count == 5


def test_a_workspace_that_is_no_path_is_named(config: Config) -> None:
    with pytest.raises(ValueError, match=r"workspace must be the path of a folder for all experiments, got 3 \(int\)"):
        log.setup(config=config, workspace=3)  # type: ignore[arg-type]
    config.train.checkpoint_path = 5
    with pytest.raises(ValueError, match=r"config\.train\.checkpoint_path must be"):
        log.setup(config=config)


def test_bad_input_loses_nothing(tmp_path: Path, config: Config) -> None:
    path = log.setup(config=config, workspace=tmp_path, snapshot=False)
    log.log_value("loss", 1.0)
    bad: list[Callable[[], object]] = [
        lambda: log.log_value("loss", "high"),
        lambda: log.log_value("../loss", 1.0),
        lambda: log.log_value("loss", 1.0, step=1.5),  # type: ignore[arg-type]
        lambda: log.log_image("a/b", np.zeros((2, 2, 3))),
        lambda: log.log_image("..", np.zeros((2, 2, 3))),
        lambda: log.log_image("a", np.zeros((2, 2))),
        lambda: log.log_image("a", np.zeros((2, 2, 3), np.int64)),
        lambda: log.update_progress(2),
        lambda: log.update_progress("half"),  # type: ignore[arg-type]
    ]
    for call in bad:
        with pytest.raises((TypeError, ValueError)):
            call()
    log.log_value("loss", 2.0)
    log.finish()
    run = read(path)
    assert run.values("loss")["value"].tolist() == [1.0, 2.0]
    assert (run.images, run.progress, list((path / "images").iterdir())) == ([], None, [])


def test_the_newest_image_and_the_older_ones(tmp_path: Path, config: Config) -> None:
    path = log.setup(config=config, workspace=tmp_path, snapshot=False)
    for level in (0, 100, 200):
        log.log_image("a", np.full((1, 1, 1), level, np.uint8))
    log.log_image("a", np.full((1, 1, 1), 9, np.uint8), step=50)
    log.finish()
    assert {p.name for p in (path / "images").iterdir()} == {"a.png", "a@0.png", "a@1.png", "a@2.png", "a@50.png"}
    assert (path / "images/a.png").read_bytes() == (path / "images/a@50.png").read_bytes()
    assert [(image.name, image.step, image.file) for image in read(path).images][-1] == ("a", 50, "a@50.png")


def test_a_training_that_ends_by_itself_is_finished(tmp_path: Path) -> None:
    done, run = run_script(tmp_path / "ws", "print('bye')")
    assert (done.returncode, run.state) == (0, "finished")
    assert (run.folder.path / "output.log").read_text().endswith("bye\n")


def test_an_exception_is_a_failure_with_its_traceback(tmp_path: Path) -> None:
    done, run = run_script(tmp_path / "ws", "def f():\n    raise ValueError('diverged')\nf()")
    assert (done.returncode, run.state, run.error) == (1, "failed", "ValueError: diverged")
    assert run.traceback is not None and "in f" in run.traceback
    assert "ValueError: diverged" in done.stderr
    assert run.values("loss")["value"].tolist() == [0.5]


@pytest.mark.parametrize(
    ("status", "code", "state"),
    [("", 0, "finished"), ("0", 0, "finished"), ("3", 3, "failed"), ("'no data'", 1, "failed")],
)
def test_the_status_of_sys_exit_tells_how_it_ended(tmp_path: Path, status: str, code: int, state: str) -> None:
    done, run = run_script(tmp_path / "ws", f"sys.exit({status})")
    assert (done.returncode, run.state) == (code, state)
    assert run.error == (None if state == "finished" else f"sys.exit({status})")


def test_a_forked_child_leaves_run_json_to_its_parent(tmp_path: Path) -> None:
    body = (
        "from ailab.data.batches import BatchLoader\n"
        "log.current_run()._provenance.close(15)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n    BatchLoader([(1, 2)], 1)\n    os._exit(0)\n"
        "os.waitpid(pid, 0)\n"
    )
    done, run = run_script(tmp_path / "ws", body)
    assert done.returncode == 0, done.stderr
    assert "packages" in run.info and "datasets" not in run.info


def test_a_fork_without_a_workspace_does_not_raise(tmp_path: Path) -> None:
    body = (
        "path.rename(path.with_name('away'))\n"
        "pid = os.fork()\n"
        "if pid == 0:\n    log.log_value('n', 1)\n    os._exit(0)\n"
        "assert os.waitpid(pid, 0)[1] == 0\n"
        "path.with_name('away').rename(path)\n"
    )
    done, _ = run_script(tmp_path / "ws", body)
    assert done.returncode == 0, done.stderr


def test_ctrl_c_and_sigterm_are_kills(tmp_path: Path) -> None:
    done, run = run_script(tmp_path / "a", "os.kill(os.getpid(), signal.SIGINT)\nsignal.pause()")
    assert (done.returncode, run.state) == (-signal.SIGINT, "killed")
    done, run = run_script(tmp_path / "b", "os.kill(os.getpid(), signal.SIGTERM)\nsignal.pause()")
    assert (done.returncode, run.state, run.error) == (-signal.SIGTERM, "killed", "ended with SIGTERM")


def test_sigterm_in_a_tight_loop_is_recorded(tmp_path: Path) -> None:
    body = (
        "import threading\n"
        "threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()\n"
        "while True: log.log_value('loss', 1.0)"
    )
    done, run = run_script(tmp_path / "ws", body)
    assert (done.returncode, run.state, run.damaged) == (-signal.SIGTERM, "killed", False)


def test_sigterm_waits_for_what_is_in_the_background(tmp_path: Path) -> None:
    body = (
        "import numpy as np\n"
        "for i in range(30): log.log_image('a', np.full((400, 400, 3), i, np.uint8))\n"
        "os.kill(os.getpid(), signal.SIGTERM)\nsignal.pause()"
    )
    done, run = run_script(tmp_path / "ws", body)
    assert (done.returncode, run.state) == (-signal.SIGTERM, "killed"), done.stderr
    assert [image.step for image in run.images] == list(range(30))
    assert len(list((run.folder.path / "images").glob("a@*.png"))) == 30


def test_what_was_logged_survives_kill_9(tmp_path: Path) -> None:
    body = (
        "for i in range(1000): log.log_value('n', i)\nprint('logged', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    done, run = run_script(tmp_path / "ws", body)
    assert done.returncode == -signal.SIGKILL
    assert run.values("n")["value"].tolist() == list(range(1000))
    assert "logged" in (run.folder.path / "output.log").read_text()


def test_a_users_own_sigterm_handler_stays(tmp_path: Path) -> None:
    environment = {**os.environ, "AILAB_WORKSPACE": str(tmp_path / "ws")}
    code = (
        "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        + SCRIPT
        + "os.kill(os.getpid(), signal.SIGTERM)\nsignal.pause()"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == 7


def test_forked_workers_log_into_files_of_their_own(tmp_path: Path) -> None:
    body = (
        "pid = os.fork()\n"
        "log.log_value('child' if pid == 0 else 'parent', 1.0)\n"
        "if pid == 0: sys.exit(0)\n"  # runs atexit: the child must not end the run
        "os.waitpid(pid, 0)\n"
        "log.log_value('loss', 0.25)\n"
    )
    done, run = run_script(tmp_path / "ws", body)
    assert done.returncode == 0, done.stderr
    assert set(run.metrics) == {"loss", "child", "parent"}
    assert run.values("loss")["value"].tolist() == [0.5, 0.25]
    assert len(list(run.folder.streams.glob("*.scalars"))) == 2
    assert (run.state, run.damaged) == ("finished", False)


def test_a_disk_that_refuses_images_warns_once_and_goes_on(
    tmp_path: Path, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    path = log.setup(config=config, workspace=tmp_path, snapshot=False)
    (path / "images").rename(path / "gone")
    with caplog.at_level(logging.WARNING, "ailab"):
        for _ in range(3):
            log.log_image("a", np.zeros((1, 1, 1)))
        assert log.current_run()._background.drain(30) == 0
    assert len(caplog.records) == 1
    (path / "gone").rename(path / "images")
    log.log_image("a", np.zeros((1, 1, 1)))
    log.finish()
    assert "3 images, tables or files were lost" in caplog.text
    assert (path / "images/a.png").exists()


def test_what_is_left_out_of_src_is_named(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(bytes(2 << 20))
    with caplog.at_level(logging.WARNING, "ailab"):
        log.setup(config=config, workspace=tmp_path / "ws")
        log.finish()
    assert "weights.bin (2.0 MiB)" in caplog.text


def test_the_versions_of_datasets_are_recorded(tmp_path: Path, config: Config) -> None:
    loaders = [type("Loader", (), {})() for _ in range(4)]
    current.note_dataset(loaders[0], "Early", "v1")
    current.note_dataset(loaders[1], "Early", "v2")
    current.note_dataset(loaders.pop(2), "Gone", "v1")
    path = log.setup(config=config, workspace=tmp_path, snapshot=False)
    current.note_dataset(loaders[2], "Late", 2)
    log.finish()
    datasets = read(path).info["datasets"]
    assert (sorted(datasets["Early"]), datasets["Late"]) == (["v1", "v2"], [2])
    assert "Gone" not in datasets


def test_plugins_hear_of_everything_and_cannot_break_training(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from ailab.plugins import create_manager, hookimpl

    heard: list[tuple[object, ...]] = []

    class Plugin:
        @hookimpl
        def ailab_value_logged(self, name: str, value: float, step: int) -> None:
            heard.append((name, value, step))
            raise RuntimeError("plugin broke")

        @hookimpl
        def ailab_run_finished(self, state: str, error: str | None) -> None:
            heard.append((state, error))

        @hookimpl
        def ailab_to_float(self, value: object) -> float | None:
            return 4.0 if value == "four" else None

        @hookimpl
        def ailab_config_encode(self, value: object) -> object:
            return "a plugin's own words" if value is dict else None

    manager = create_manager(load=False)
    manager.register(Plugin())
    monkeypatch.setattr(starting, "shared_manager", lambda: manager)
    path = log.setup(config=config, workspace=tmp_path, snapshot=False)
    with caplog.at_level(logging.WARNING, "ailab"):
        log.log_value("loss", 1.0)
        log.log_value("loss", "four")
    log.finish()
    assert heard == [("loss", 1.0, 0), ("loss", 4.0, 1), ("finished", None)]
    assert len(caplog.records) == 1
    assert "a plugin failed in ailab_value_logged" in caplog.text
    assert json.loads((path / "config.json").read_text())["arch"]["prepare"] == "a plugin's own words"
