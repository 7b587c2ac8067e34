"""A training on a machine whose driver is a library compiled here: what is logged passes through its C interface."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ailab.experiment import Workspace

# As nvml.h declares them (https://docs.nvidia.com/deploy/nvml-api/); what is not asked for as it should be is refused.
LIBRARY = """
#include <string.h>
typedef struct { unsigned int gpu, memory; } utilization;
typedef struct { unsigned long long total, free, used; } memory;
static int gpus[2];
static int is_gpu(void *device) { return device == &gpus[0] || device == &gpus[1]; }
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) { *device = &gpus[index]; return 0; }
int nvmlDeviceGetUUID(void *device, char *text, unsigned int size) { strncpy(text, "GPU-abc", size); return 0; }
int nvmlDeviceGetName(void *device, char *text, unsigned int size) { strncpy(text, "Model X", size); return 0; }
int nvmlSystemGetDriverVersion(char *text, unsigned int size) { strncpy(text, "570.1", size); return 0; }
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = 12080; return 0; }
int nvmlDeviceGetUtilizationRates(void *device, utilization *use) {
  if (!is_gpu(device)) return 2;
  use->gpu = device == &gpus[1] ? 75 : 50; use->memory = 10; return 0;
}
int nvmlDeviceGetMemoryInfo(void *device, memory *m) {
  if (!is_gpu(device)) return 2;
  m->total = 150000000000ull; m->used = 30000000000ull; m->free = m->total - m->used; return 0;
}
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned int *degrees) {
  if (!is_gpu(device) || sensor != 0) return 2;
  *degrees = 61; return 0;
}
int nvmlDeviceGetPowerUsage(void *device, unsigned int *milliwatts) { *milliwatts = 123456; return 0; }
"""

SCRIPT = """
import sys, time
import ailab.experiment
from ailab.experiment.record import RunReader

config = ailab.experiment.Config()
for name in ("model", "loss", "metrics", "prepare"):
    setattr(config.arch, name, print)
with ailab.experiment.start(config, snapshot=False, system_seconds=0.02) as run:
    reader = RunReader(run.path)
    end = time.monotonic() + 30
    while "system/gpu1/power" not in reader.metrics and time.monotonic() < end:
        reader.poll()
        time.sleep(0.02)
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_the_gpus_of_a_training_are_logged(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "nvml.c").write_text(LIBRARY)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "libnvidia-ml.so.1", "nvml.c"], cwd=tmp_path, check=True)
    environment = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**environment, "LD_LIBRARY_PATH": str(tmp_path)}, cwd=tmp_path, check=True, timeout=60,
    )  # fmt: skip
    run = Workspace(workspace).run("last")
    assert run.info["cuda"] == {
        "driver": "570.1",
        "cuda": "12.8",
        "gpus": [{"index": 0, "name": "Model X"}, {"index": 1, "name": "Model X"}],
    }
    for name, value in {
        "gpu0/utilization": 50.0, "gpu1/utilization": 75.0, "gpu1/memory": 30.0, "gpu0/temperature": 61.0,
        "gpu1/power": 123.456,
    }.items():  # fmt: skip
        assert run.values(f"system/{name}").value[0] == value
