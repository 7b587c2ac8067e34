from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ailab.experiment import Run, Workspace
from ailab.experiment.record.series import VALUES
from ailab.experiment.reproduce import command_of, judge, preflight, rebuild, run_again, same_values
from ailab.experiment.segments import segment_of
from ailab.experiment.sources import code_of

SCRIPT = """
import random, sys
from pathlib import Path
from ailab.experiment import Config
import ailab.experiment.logging as log

class Mine(Config):
    def __init__(self):
        super().__init__()
        self.train.experiment_name = "e"
        self.train.seed = 3
        self.arch.model = Mine
        self.arch.loss = len
        self.arch.metrics = []
        self.arch.prepare = dict
        self.check_completeness()

config = Mine.from_cli(sys.argv[1:])
config.added_later = 1
log.setup(config)
random.seed(config.train.seed)
noise = Path("noise")
for i in range(5):
    log.log_value("loss", random.random() + (i >= 3 and noise.exists()), primary=True)
print("the end")
"""


@pytest.fixture
def project(tmp_path: Path, workspace: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text(SCRIPT)
    return folder


def train(project: Path, workspace: Path, *arguments: str, **variables: str) -> Run:
    environment = {**os.environ, **variables}
    subprocess.run([sys.executable, "train.py", *arguments], cwd=project, env=environment, check=True, timeout=60)
    return Workspace(workspace).run("last")


def by_hand(run: Run) -> Run:
    """``run`` with nothing but ``src/`` to say what its code was."""
    (run.path / "src.json").unlink()
    return run


def again(run: Run, workspace: Path, folder: Path) -> Run:
    folder.mkdir()
    rebuild(segment_of(run), folder)
    return run_again(segment_of(run), folder, workspace)


def test_the_same_comes_out_again_elsewhere(
    project: Path, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train(project, workspace, "train.batch_size=8", AILAB_CONFIG__train__seed="5")
    monkeypatch.setenv("AILAB_CONFIG__of__something_else", "1")  # which this config does not have
    (project / "train.py").write_text("raise RuntimeError('the snapshot is what runs')")
    lines: list[str] = []
    folder = tmp_path / "clean"
    folder.mkdir()
    rebuild(segment_of(run), folder)
    other = run_again(segment_of(run), folder, workspace, lines.append)
    assert lines == ["the end"]
    assert other.path != run.path
    assert other.config.train.batch_size == 8
    assert other.config.train.seed == 5  # which the environment said then, and does not say now
    verdict = judge(segment_of(run), other)
    assert verdict.same
    assert verdict.causes == []
    assert verdict.largest == {"loss": 0.0}


def test_a_divergence_is_located_and_explained(project: Path, workspace: Path, tmp_path: Path) -> None:
    run = by_hand(train(project, workspace))
    (run.folder.source / "noise").write_text("")
    other = again(run, workspace, tmp_path / "clean")
    (run.folder.source / "noise").unlink()
    other.folder.config.write_text(json.dumps({**other.config, "new": 1}))
    other.reload()
    verdict = judge(segment_of(run), other)
    assert not verdict.same
    assert (verdict.metric, verdict.step) == ("loss", 3)
    assert verdict.expected is not None and verdict.got == verdict.expected + 1
    assert verdict.code == {"noise": "added"}
    assert verdict.causes == ["code", "config"]


def test_what_the_machine_does_is_no_divergence(record: Callable[..., Run]) -> None:
    one = record({"loss": [1.0], "system/cpu": [1.0], "data/wait_fraction": [0.1]})
    two = record({"loss": [1.0], "system/cpu": [9.0]})
    assert judge(segment_of(one), two).same


def test_what_cannot_be_run_again(project: Path, workspace: Path, tmp_path: Path) -> None:
    run = by_hand(train(project, workspace))
    (run.folder.source / "train.py").rename(run.folder.source / "other.py")
    with pytest.raises(ValueError, match=r"was started as train\.py, which is not in its snapshot"):
        again(run, workspace, tmp_path / "a")
    (run.folder.source / "train.py").write_text("print('nothing is logged'); raise SystemExit(3)")
    with pytest.raises(ValueError, match="ended with code 3 and made no run in .*\nnothing is logged"):
        again(run, workspace, tmp_path / "b")
    for path in run.folder.source.iterdir():
        path.unlink()
    with pytest.raises(ValueError, match="kept no code"):
        again(run, workspace, tmp_path / "c")


def test_the_command_is_run_in_the_new_folder(project: Path, workspace: Path, tmp_path: Path) -> None:
    run = train(project, workspace)
    (tmp_path / "train.py").write_text("")
    run.info["command"] = ["/usr/bin/python3.9", str(project / "train.py"), "--out", "/elsewhere"]
    assert command_of(segment_of(run), tmp_path) == [sys.executable, str(tmp_path / "train.py"), "--out", "/elsewhere"]
    run.info["command"] = None
    with pytest.raises(ValueError, match="recorded no command"):
        command_of(segment_of(run), tmp_path)


def test_links_to_what_is_in_no_snapshot(project: Path, workspace: Path, tmp_path: Path) -> None:
    (project / "data").mkdir()
    run = train(project, workspace)
    folder = tmp_path / "clean"
    folder.mkdir()
    rebuild(segment_of(run), folder, ["data"])
    assert (folder / "data").resolve() == project / "data"
    for bad in ("../project", "/etc", "nothing", "train.py"):
        with pytest.raises(ValueError, match="cannot link"):
            rebuild(segment_of(run), tmp_path / bad.replace("/", "_"), [bad])


def test_what_is_known_to_differ_before(project: Path, workspace: Path) -> None:
    run = train(project, workspace)
    assert preflight(segment_of(run)) == []
    run.info["python"] = "2.7"
    run.info["packages"]["numpy"] = "0.1"
    run.info["git"] = {"commit": "abc", "dirty": True}
    assert [line.partition(":")[0] for line in preflight(segment_of(run))] == [
        "python",
        "packages.numpy",
        "commit abc had uncommitted changes, which the snapshot holds",
    ]


RESUMED = """
from ailab.experiment import Config
import ailab.experiment.logging as log

config = Config()
config.train.experiment_name = "e"
config.train.first = FIRST
for name in ("model", "loss", "metrics", "prepare"):
    setattr(config.arch, name, [])
run_id = "r"  # which would make a repetition write into the run itself
log.setup(config, run_id=run_id)
for step in range(FIRST, 6):
    log.log_value("loss", float(step), step=step)
    if step == LAST:
        raise SystemExit("interrupted")
"""


def test_of_a_resumed_run_the_last_process_is_run_again_or_the_chosen_one(
    project: Path, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for first, last in ((0, 3), (2, 9)):
        (project / "train.py").write_text(RESUMED.replace("FIRST", str(first)).replace("LAST", str(last)))
        subprocess.run([sys.executable, "train.py"], cwd=project, timeout=60, check=False)
    monkeypatch.setenv("AILAB_RUN_ID", "r")  # as whoever resumed it may have left it
    run = Workspace(workspace).run("r")
    one, two = segment_of(run, 1), segment_of(run)
    assert (one.number, two.number, two.count) == (1, 2, 2)
    assert (one.config.train.first, two.config.train.first) == (0, 2)
    assert one.info["packages"] == two.info["packages"] and one.info["packages"]
    assert "packages" not in run.info["segments"][1]  # those of the last are the run's
    with pytest.raises(ValueError, match="r has 2 segments, and no number 3"):
        segment_of(run, 3)
    for part, steps in ((one, [0, 1, 2, 3]), (two, [2, 3, 4, 5])):
        assert part.values()["loss"]["step"].tolist() == steps
        with code_of(run, part.number) as code:
            assert f"range({steps[0]}, 6)" in (code / "train.py").read_text()
        folder = tmp_path / f"clean{part.number}"
        folder.mkdir()
        rebuild(part, folder)
        if part is one:
            (folder / "train.py").write_text((folder / "train.py").read_text().replace("step == 3", "False"))
        before = run.values("loss").tolist()
        other = run_again(part, folder, workspace)
        assert other.id != "r"
        run.reload()
        assert run.values("loss").tolist() == before
        verdict = judge(part, other)
        assert verdict.same, verdict
    # What came before the segment, and what comes after one that was interrupted, is no divergence; all else is.
    assert judge(two, Workspace(workspace).runs("id != 'r'", sort="created")[0]).same
    (later,) = [one for one in Workspace(workspace).runs("train.first == 2") if one.id != "r"]
    assert not judge(one, later).same
    with code_of(run) as code:
        assert "range(2, 6)" in (code / "train.py").read_text()


def test_one_of_several_ranks_is_not_run_alone(record: Callable[..., Run], tmp_path: Path) -> None:
    run = record({"loss": [1.0]})
    run.info["ranks"] = {"size": 2}
    with pytest.raises(ValueError, match="had 2 ranks, .* compare with --against"):
        command_of(segment_of(run), tmp_path)


def series(*rows: tuple[int, float]) -> np.ndarray:  # type: ignore[type-arg]
    return np.array([(step, 0.0, value) for step, value in rows], VALUES)


def test_values_within_and_beyond_the_tolerance() -> None:
    then = series((0, 1.0), (1, math.nan), (2, 100.0))
    assert same_values(then, then, 0, 0) == (None, 0.0, True)
    near = series((0, 1.0 + 1e-7), (1, math.nan), (2, 100.0))
    assert same_values(then, near, 1e-5, 0)[0] is None
    assert same_values(then, near, 1e-8, 0)[0] == 0
    assert same_values(then, near, 1e-5, 0)[1] == pytest.approx(1e-7, rel=1e-3)
    assert same_values(then, series((0, 1.0), (1, 2.0), (2, 100.0)), 1, 0)[0] == 1
    assert same_values(then, series((0, 1.0), (7, math.nan), (2, 100.0)), 1, 0)[0] == 1
    assert same_values(then, then[:2], 1, 0) == (2, 0.0, False)
