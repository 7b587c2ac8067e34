"""The command line: what is judged, and the report."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from soak.flat import Flatness, flatness
from soak.servers import Sample
from soak.soak import Load, Soak

__all__ = ["judged", "main"]

_MOST = {"resident": 6.0, "anonymous": 6.0, "descriptors": 10.0, "threads": 4.0}
"""How much each may rise in ten minutes: megabytes; and of what comes and goes with every connection, a few."""

_STOP_SECONDS = 2.0


def judged(samples: list[Sample], warm_up: float) -> dict[str, Flatness]:
    """How each measure of the first server behaved."""
    return {
        name: flatness([(sample.when, float(getattr(sample, name))) for sample in samples], warm_up, most)
        for name, most in _MOST.items()
    }


def machine() -> dict[str, Any]:
    """What it ran on."""
    import numpy
    import pydantic
    import uvicorn

    import ailab

    cpus = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "processors": f"{len(cpus)} x {cpus[0].partition(': ')[2]}" if cpus else platform.machine(),
        "system": platform.platform(),
        "load at the end": [round(one, 1) for one in os.getloadavg()],
        "python": platform.python_version(),
        "ailab": ailab.__version__,
        "numpy": numpy.__version__,
        "pydantic": pydantic.VERSION,
        "uvicorn": uvicorn.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="soak", description="Exit code 0 if nothing was wrong and everything is flat."
    )
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--warm-up", type=float, help="minutes that are not judged; by default a third")
    parser.add_argument("--writers", type=int, default=Load.writers, help="trainings at a time")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--folder", type=Path, help="where to work, on a local disk; by default a temporary folder")
    parser.add_argument("--json", type=Path, help="write everything that was measured here")
    arguments = parser.parse_args()
    warm_up = 60 * (arguments.minutes / 3 if arguments.warm_up is None else arguments.warm_up)
    with tempfile.TemporaryDirectory(prefix="ailab-soak-", dir=arguments.folder) as scratch:
        soak = Soak(Path(scratch), Load(writers=arguments.writers), arguments.seed)
        result = soak.run(60 * arguments.minutes)
    verdicts = judged(result.samples, warm_up)
    slow = [took for took, alone in result.stops if alone > _STOP_SECONDS]
    if slow:
        result.wrong.append(f"servers took {max(slow):.2f} s to stop, with streams open")
    rounded = [(round(took, 2), round(alone, 2)) for took, alone in result.stops]
    uneven = [name for name, verdict in verdicts.items() if not verdict.flat]
    report = {
        "minutes": arguments.minutes, "warm-up": warm_up / 60, "seed": arguments.seed, "machine": machine(),
        "load": asdict(Load(writers=arguments.writers)), "counts": result.counts,
        "stops": {"count": len(result.stops), "seconds, and alone": rounded},
        "first server": {name: {**asdict(verdict), "flat": verdict.flat} for name, verdict in verdicts.items()},
        "wrong": result.wrong, "samples": [asdict(sample) for sample in result.samples[::5]],
    }  # fmt: skip
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps({key: value for key, value in report.items() if key != "samples"}, indent=1))
    for name in uneven:
        print(f"NOT FLAT: {name}", file=sys.stderr)
    for line in result.wrong:
        print(f"WRONG: {line}", file=sys.stderr)
    sys.exit(1 if uneven or result.wrong else 0)
