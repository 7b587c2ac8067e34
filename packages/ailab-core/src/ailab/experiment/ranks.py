"""Which of several processes of one distributed training this is, as torchrun, Slurm or whoever started them says."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Ranks", "launcher_here", "ranks_here", "system_prefix"]


@dataclass(frozen=True)
class Ranks:
    """One process among those of a distributed training.

    Attributes:
        rank, size: number ``rank`` of ``size``.
        key: the same for all of them, and for all attempts of an elastic launcher.
        attempt: how often the launcher has started all of them anew.
        unique: no other launch ever has this key.
        elastic: the launcher is torchrun: all ranks of one machine and one launch, and no others, are its children.
    """

    rank: int
    size: int
    key: str
    attempt: int = 0
    unique: bool = False
    elastic: bool = False

    def facts(self, nth: int) -> dict[str, Any]:
        """What the first rank writes into ``run.json``, for the others to find its ``nth`` run by."""
        return {
            "size": self.size, "key": self.key, "nth": nth, "attempt": self.attempt, "launcher": launcher_here()
        }  # fmt: skip


def ranks_here(environment: Mapping[str, str] | None = None) -> Ranks | None:
    """What the environment says; None for a process of its own, and where nothing says how to find the others."""
    env = os.environ if environment is None else environment
    rank, size = _number(env, "RANK"), _number(env, "WORLD_SIZE")
    if rank is not None and size is not None:
        if size < 2 or rank >= size:
            return None
        job = env.get("SLURM_JOB_ID", "")
        if "TORCHELASTIC_RUN_ID" in env:
            # "none" where nobody gave an id. The port may be another one for each attempt where there is an id.
            name = env["TORCHELASTIC_RUN_ID"]
            place = f"{env.get('MASTER_ADDR')}:{env.get('MASTER_PORT')}" if name == "none" else ""
            attempt = _number(env, "TORCHELASTIC_RESTART_COUNT") or 0
            return Ranks(rank, size, _key("torchrun", name, place, job), attempt, elastic=True)
        if not env.get("MASTER_ADDR") or not env.get("MASTER_PORT"):
            return None
        return Ranks(rank, size, _key("ranks", env["MASTER_ADDR"], env["MASTER_PORT"], str(size), job))
    rank = _number(env, "SLURM_PROCID")
    size = _number(env, "SLURM_STEP_NUM_TASKS") or _number(env, "SLURM_NTASKS")
    step = env.get("SLURM_STEP_ID", "")
    # Outside srun, in the job's script, there is no step.
    if rank is None or size is None or size < 2 or not env.get("SLURM_JOB_ID") or not step.isdigit():
        return None
    name = _key(
        "slurm", env.get("SLURM_CLUSTER_NAME", ""), env["SLURM_JOB_ID"], step, env.get("SLURM_RESTART_COUNT", "")
    )
    return Ranks(rank, size, name, unique=True)


def launcher_here() -> str | None:
    """What started this process: machine, process and when that began, which no two ever share. None: unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        began = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
    return f"{boot}:{os.getppid()}:{began}"


def system_prefix() -> str | None:
    """Under which name a rank that does not lead logs the load of its machine; None: not at all, another one does."""
    local = _number(os.environ, "LOCAL_RANK")
    if local is None:
        local = _number(os.environ, "SLURM_LOCALID")
    return f"system/{re.sub(r'[^A-Za-z0-9-]', '-', socket.gethostname())}/" if local == 0 else None


def _number(env: Mapping[str, str], name: str) -> int | None:
    text = env.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _key(*parts: str) -> str:
    import hashlib  # late: a process of its own needs none

    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
