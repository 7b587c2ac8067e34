"""A training under the real torchrun, its ranks on the gloo backend."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ailab.experiment import Workspace

SCRIPT = """
import os
import ailab.experiment.logging as log
from ailab.experiment import Config

rank, attempt = int(os.environ["RANK"]), int(os.environ["TORCHELASTIC_RESTART_COUNT"])
config = Config()
for name in ("model", "loss", "metrics", "prepare"):
    setattr(config.arch, name, print)
log_dir = log.setup(config, system_seconds=None)
total = 3.0
if attempt == 0:  # the second need not wait for torch once more
    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    total = torch.tensor(float(rank + 1))
    dist.all_reduce(total)
for _ in range(3):
    log.log_value("loss", total / (rank + 1))
(log_dir / "checkpoints" / f"{attempt}.{rank}").write_text("")
print(f"rank {rank} was here")
if attempt == 0:
    dist.barrier()
    if rank == 1:
        raise ValueError("this rank diverged")
    dist.barrier()
"""


@pytest.mark.timeout(180)
def test_the_ranks_of_torchrun_are_one_run_and_a_restart_goes_on_with_it(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    done = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
            "--max-restarts", "1", "train.py",
        ],
        cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=170,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (run,) = Workspace(workspace).runs()
    assert run.state == "finished", run.error
    assert (run.info["ranks"]["size"], run.info["ranks"]["attempt"], len(run.info["segments"])) == (2, 1, 2)
    assert sorted(path.name for path in run.folder.checkpoints.iterdir()) == ["0.0", "0.1", "1.0", "1.1"]
    for rank, value in ((0, 3.0), (1, 1.5)):
        values = run.values("loss", rank=rank)
        assert values["value"].tolist() == [value] * 6
        assert values["step"].tolist() == [0, 1, 2, 3, 4, 5]  # the second attempt goes on where the first one was
    assert len(run.values("loss")) == 12
    assert (run.path / "src" / "train.py").read_text() == SCRIPT
    assert run.output() == "rank 0 was here\n" * 2
    assert "this rank diverged" in done.stderr
