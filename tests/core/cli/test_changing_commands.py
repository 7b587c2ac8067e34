from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ailab.experiment import Run, Workspace
from ailab.experiment.trash import trashed

Ailab = Callable[..., Any]


def test_tags(ailab: Ailab, three: list[Run]) -> None:
    id = three[0].id
    assert ailab("tag", id, "paper", "base").lines == ["paper", "base"]
    assert ailab("tag", id, "new", "-d", "paper", "--json").json["tags"] == ["base", "new"]
    assert ailab("tag", id).lines == ["base", "new"]
    assert ailab("list", "'base' in tags", "-q").lines == [id]
    assert "has no tag 'zzz'; it has: base, new" in ailab("tag", id, "-d", "zzz", code=2).err
    assert "a tag must be" in ailab("tag", id, "", code=2).err


def test_notes(ailab: Ailab, three: list[Run]) -> None:
    id = three[0].id
    ailab("note", id, "one")
    ailab("note", id, "--append", "-", input="two\nthree")
    assert ailab("note", id).lines == ["one", "two", "three"]
    assert ailab("note", id, "", "--json").json["notes"] == ""
    assert "--append needs a TEXT" in ailab("note", id, "-a", code=2).err


def test_rm_restore_and_gc(ailab: Ailab, three: list[Run], workspace: Path) -> None:
    id = three[0].id
    assert ailab("rm", id).out == f"moved digits/{id} to the trash\n"
    assert id not in ailab("list", "-q").lines
    assert [row["id"] for row in ailab("restore", "--json").json] == [id]
    assert ailab("restore", id[-5:]).out == f"restored digits/{id}\n"
    assert id in ailab("list", "-q").lines
    assert "the trash holds no run" in ailab("restore", id, code=2).err
    ailab("rm", id)
    assert ailab("gc").out == "0 runs, 0 B; nothing was deleted\n"  # not long enough
    out = ailab("gc", "--days", "0").out
    assert out.startswith(f"would delete digits/{id}, ")
    assert out.endswith("nothing was deleted: say so with --yes\n")
    assert len(trashed(workspace)) == 1
    (row,) = ailab("gc", "--days", "0", "--yes", "--json").json
    assert (row["id"], row["deleted"]) == (id, True)
    assert trashed(workspace) == []
    assert len(Workspace(workspace).runs()) == 2


def test_rm_by_a_filter_is_only_shown_at_first(ailab: Ailab, three: list[Run], workspace: Path) -> None:
    out = ailab("rm", "--filter", "state == 'failed'").out
    assert out == f"would move digits/{three[2].id} to the trash\n1 runs; nothing was moved: say so with --yes\n"
    assert trashed(workspace) == []
    ailab("rm", "--filter", "state == 'failed'", "--yes")
    assert [run.id for run in trashed(workspace)] == [three[2].id]
    assert "name the runs, or give --filter" in ailab("rm", code=2).err
    assert "name the runs, or give --filter" in ailab("rm", three[0].id, "--filter", "loss < 3", code=2).err


def test_reproduce(ailab: Ailab, workspace: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "train.py").write_text(
        """
import os, time
from ailab.experiment import Config
import ailab.experiment.logging as log
config = Config()
config.train.experiment_name = "e"
for name in ("model", "loss", "metrics", "prepare"):
    setattr(config.arch, name, [])
log.setup(config)
log.log_value("loss", 1.0, primary=True)
log.log_value("clock", time.time() if "RANDOM" in os.environ else 0.5)
"""
    )
    subprocess.run([sys.executable, "train.py"], cwd=project, check=True)
    first = Workspace(workspace).run("last")
    out = ailab("reproduce", first.id).out
    assert out.splitlines()[-1] == "same: 2 metrics, largest relative difference 0"
    again = Workspace(workspace).run("last")
    assert again.id != first.id
    assert again.tags == ["reproduction"]
    assert again.notes == f"Reproduces e/{first.id}."
    done = ailab("reproduce", first.id, "--json", code=1, env={"RANDOM": "1"})
    found = json.loads(done.out)
    assert (found["same"], found["metric"], found["step"], found["expected"]) == (False, "clock", 0, 0.5)
    assert found["differs"] == []
    out = ailab("reproduce", first.id, "--against", "last", code=1).out
    assert "diverged at step 0: clock was 0.5 then" in out
    assert "it is not deterministic" in out
    assert ailab("reproduce", first.id, "--check", "--json").json == {"run": first.id, "differs": []}
    into = tmp_path / "into"
    ailab("reproduce", first.id, "--into", str(into))
    assert os.listdir(into) == ["train.py"]
    assert "is not empty: a clean folder is needed" in ailab("reproduce", first.id, "--into", str(into), code=2).err
