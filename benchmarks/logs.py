"""What logging costs a training, beside what people use now: ``python benchmarks/logs.py [--json FILE] [--quick]``.

Not called ``logging.py``: a script's folder comes first on the path, and would hide Python's own module.

Each measurement runs in a process of its own, on the disk of ``--folder``. Peers that are not installed are named and
left out; ``nox -s bench_logging`` installs them into an environment of its own.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PROLOGUE = """
import json, os, struct, sys, time
folder, n = sys.argv[1], int(sys.argv[2])
clock = time.perf_counter_ns

def measured(call, n):
    taken = []
    for i in range(n):
        start = clock(); call(i); taken.append(clock() - start)
    return taken

def report(**results):
    print("RESULT", json.dumps(results))

def size():
    return sum(os.path.getsize(os.path.join(top, name)) for top, _, names in os.walk(folder) for name in names)
"""

AILAB = """
import ailab.experiment, ailab.experiment.logging as log
from ailab.experiment import Config
config = Config()
config.train.experiment_name = "bench"
for part in ("model", "loss", "metrics", "prepare"):
    setattr(config.arch, part, print)
run = ailab.experiment.start(config, workspace=folder, snapshot=False, capture_output=False)
"""

SCRIPTS = {
    "bare": (
        None,
        """
fd = os.open(folder + "/file", os.O_WRONLY | os.O_CREAT)
pack = struct.Struct("<IIqdd").pack
report(value=measured(lambda i: os.write(fd, pack(1, 2, i, 0.5, 0.25)), n))
""",
    ),
    "ailab": (
        "ailab",
        AILAB
        + """
import numpy as np
log.log_value("loss", 0.5)
before = size()
value = measured(lambda i: log.log_value("loss", 0.5), n)
bytes_a_point = (size() - before) / n
ten = {f"group/{i}": 0.5 for i in range(10)}
run.log(ten)
ten_values = measured(lambda i: run.log(ten, step=i), n)
pixels = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
run.log_image("image", pixels)
image = measured(lambda i: run.log_image("image", pixels), 50)
run.finish()
report(value=value, ten=ten_values, image=image, bytes_a_point=bytes_a_point)
""",
    ),
    "torch.utils.tensorboard": (
        "torch.utils.tensorboard",
        """
from torch.utils.tensorboard import SummaryWriter
""",
    ),
    "tensorboardX": (
        "tensorboardX",
        """
from tensorboardX import SummaryWriter
""",
    ),
}

TENSORBOARD = """
import numpy as np
writer = SummaryWriter(folder)
writer.add_scalar("loss", 0.5, 0)
value = measured(lambda i: writer.add_scalar("loss", 0.5, i), n)
writer.flush()
bytes_a_point = size() / n
names = [f"group/{i}" for i in range(10)]

def ten(i):
    for name in names:
        writer.add_scalar(name, 0.5, i)

ten_values = measured(ten, n // 10)
pixels = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
image = measured(lambda i: writer.add_image("image", pixels, i, dataformats="HWC"), 50)
writer.close()
report(value=value, ten=ten_values, image=image, bytes_a_point=bytes_a_point)
"""

START = {
    "ailab": AILAB + 'log.log_value("loss", 0.5)\n',
    "torch.utils.tensorboard": SCRIPTS["torch.utils.tensorboard"][1]
    + 'SummaryWriter(folder).add_scalar("loss", 0.5, 0)\n',
    "tensorboardX": SCRIPTS["tensorboardX"][1] + 'SummaryWriter(folder).add_scalar("loss", 0.5, 0)\n',
}

STARTED = """
import resource
with open("/proc/uptime") as file:
    now = float(file.read().split()[0])
with open("/proc/self/stat") as file:
    began = float(file.read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
report(seconds=now - began, megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
os._exit(0)
"""

LOST = """
import mmap, random, signal
{setup}
shared = mmap.mmap(-1, 8)
pid = os.fork()
if pid == 0:
    {child_setup}
    i = 0
    while True:
        {log}
        i += 1
        shared[:8] = struct.pack("<q", i)
while struct.unpack("<q", shared[:8])[0] < 10:
    time.sleep(0.001)
time.sleep(random.random() * 0.2)
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
logged = struct.unpack("<q", shared[:8])[0]
{count}
report(logged=logged, lost=max(0, logged - found))
"""

LOSSES = {
    "ailab": LOST.format(
        setup=AILAB,
        child_setup="pass",
        log='log.log_value("n", float(i), step=i)',
        count="""
from ailab.experiment.record import RunReader
reader = RunReader(run.path)
reader.poll()
found = len(reader.values("n")) if "n" in reader.metrics else 0
""",
    ),
    "torch.utils.tensorboard": LOST.format(
        setup="",
        child_setup="from torch.utils.tensorboard import SummaryWriter; writer = SummaryWriter(folder)",
        log='writer.add_scalar("n", float(i), i)',
        count="""
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
import glob
found = sum(1 for file in glob.glob(folder + "/*tfevents*") for event in EventFileLoader(file).Load()
            for value in event.summary.value if value.tag == "n")
""",
    ),
}


def run(script: str, folder: Path, n: int) -> dict[str, Any]:
    """Run a measurement in a process of its own, in a new folder."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        command = [sys.executable, "-c", PROLOGUE + script, place, str(n)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            result: dict[str, Any] = json.loads(line[7:])
            return result
    raise RuntimeError(f"a measurement failed:\n{done.stderr[-2000:]}")


def summed(result: dict[str, Any]) -> dict[str, float]:
    """Medians and means, in microseconds, of the lists of nanoseconds."""
    found: dict[str, float] = {}
    for name, value in result.items():
        if isinstance(value, list):
            found[f"{name}_median_us"] = round(statistics.median(value) / 1000, 3)
            found[f"{name}_mean_us"] = round(statistics.mean(value) / 1000, 3)
        else:
            found[name] = round(value, 3)
    return found


def installed(module: str | None) -> bool:
    if module is None:
        return True
    try:
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            return False
        # torch is not enough: it wants the tensorboard package besides
        return not module.endswith("utils.tensorboard") or importlib.util.find_spec("tensorboard") is not None
    except ImportError:
        return False


def measure(folder: Path, quick: bool) -> dict[str, Any]:
    n, rounds = (5_000, 2) if quick else (50_000, 5)
    results: dict[str, Any] = {}
    for name, (module, script) in SCRIPTS.items():
        if not installed(module):
            results[name] = {"left_out": "not installed"}
            continue
        body = script + (TENSORBOARD if "SummaryWriter" in script else "")
        # The best of several rounds: other processes only ever make it slower.
        tries = [summed(run(body, folder, n)) for _ in range(rounds)]
        results[name] = {key: min(one[key] for one in tries) for key in tries[0]}
        if name in START:
            starts = [run(START[name] + STARTED, folder, 1) for _ in range(rounds)]
            results[name]["start_seconds"] = round(min(start["seconds"] for start in starts), 3)
            results[name]["start_megabytes"] = round(min(start["megabytes"] for start in starts), 1)
        if name in LOSSES:
            kills = [run(LOSSES[name], folder, 1) for _ in range(rounds)]
            results[name]["lost_to_kill_9"] = f"{sum(k['lost'] for k in kills)} of {sum(k['logged'] for k in kills)}"
    return {
        "machine": {"platform": platform.platform(), "cpus": os.cpu_count(), "python": platform.python_version()},
        "values": n,
        "rounds": rounds,
        "results": results,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", nargs="?", const="-", help="write the results to this file (default: the terminal)")
    parser.add_argument("--folder", type=Path, help="where to log; default: the system's temporary folder")
    parser.add_argument("--quick", action="store_true", help="fewer values and rounds")
    arguments = parser.parse_args()
    found = measure(arguments.folder or Path(tempfile.gettempdir()), arguments.quick)
    if arguments.json == "-":
        print(json.dumps(found, indent=2))
        return
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(found, indent=2) + "\n")
    for name, numbers in found["results"].items():
        print(f"\n{name}")
        for key, value in numbers.items():
            print(f"  {key:20} {value}")


if __name__ == "__main__":
    main()
