from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest

from ailab.experiment.ranks import launcher_here, ranks_here, system_prefix

PLAIN = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "gpu1", "MASTER_PORT": "29500"}
TORCHRUN = {**PLAIN, "TORCHELASTIC_RUN_ID": "none", "TORCHELASTIC_RESTART_COUNT": "3"}
SLURM = {"SLURM_JOB_ID": "12", "SLURM_STEP_ID": "0", "SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "4"}


def key(environment: dict[str, str]) -> str:
    found = ranks_here(environment)
    assert found is not None
    return found.key


def test_where_a_launcher_tells() -> None:
    plain, torchrun, slurm = (ranks_here(env) for env in (PLAIN, TORCHRUN, SLURM))
    assert plain is not None and (plain.rank, plain.size, plain.attempt, plain.unique) == (1, 2, 0, False)
    assert torchrun is not None and (torchrun.attempt, torchrun.elastic, torchrun.unique) == (3, True, False)
    assert slurm is not None and (slurm.rank, slurm.size, slurm.unique) == (1, 4, True)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "a", "MASTER_PORT": "1"},
        {"RANK": "2", "WORLD_SIZE": "2", "MASTER_ADDR": "a", "MASTER_PORT": "1"},
        {"RANK": "1", "WORLD_SIZE": "2"},  # nothing to find the others by
        {**SLURM, "SLURM_STEP_ID": "batch"},
        {**SLURM, "SLURM_STEP_NUM_TASKS": "1"},
        {name: value for name, value in SLURM.items() if name != "SLURM_STEP_ID"},  # the job's script
    ],
)
def test_where_there_is_one_process_or_no_telling(environment: dict[str, str]) -> None:
    assert ranks_here(environment) is None


def test_ranks_and_attempts_of_a_launch_share_a_key_and_launches_do_not() -> None:
    assert key(TORCHRUN) == key({**TORCHRUN, "RANK": "0", "TORCHELASTIC_RESTART_COUNT": "0"})
    assert key({**TORCHRUN, "TORCHELASTIC_RUN_ID": "a", "MASTER_PORT": "1"}) == key(
        {**TORCHRUN, "TORCHELASTIC_RUN_ID": "a", "MASTER_PORT": "2"}
    )
    others = [
        PLAIN, {**PLAIN, "MASTER_PORT": "29501"}, {**PLAIN, "WORLD_SIZE": "3"}, TORCHRUN,
        {**TORCHRUN, "MASTER_PORT": "29501"}, {**TORCHRUN, "TORCHELASTIC_RUN_ID": "a"}, SLURM,
        {**SLURM, "SLURM_STEP_ID": "1"}, {**SLURM, "SLURM_RESTART_COUNT": "1"}, {**PLAIN, "SLURM_JOB_ID": "3"},
    ]  # fmt: skip
    assert len({key(one) for one in others}) == len(others)


def test_what_started_this_process_is_named_beyond_doubt() -> None:
    found = launcher_here()
    assert found is not None
    boot, pid, began = found.split(":")
    assert re.fullmatch(r"[0-9a-f-]{36}", boot) and int(pid) == os.getppid()
    assert int(began) == int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def test_one_rank_of_each_machine_logs_its_load(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOCAL_RANK", "SLURM_LOCALID"):
        monkeypatch.delenv(name, raising=False)
    assert system_prefix() is None
    monkeypatch.setenv("SLURM_LOCALID", "0")
    monkeypatch.setattr(socket, "gethostname", lambda: "gpu.example")
    assert system_prefix() == "system/gpu-example/"
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert system_prefix() is None
