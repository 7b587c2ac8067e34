"""How fast batches are loaded, by AI Lab and by others: ``python benchmarks/loader.py --json``.

Each contender runs on each workload in a process of its own. Progress and tables go to stderr, JSON to stdout;
``--docs FILE`` puts the tables into a Markdown file, of this run or an older one (``--from``). What is measured,
and what it came to, is in ``docs/benchmarks.md``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from loading.contenders import CONTENDERS, Contender
from loading.report import about, machine, tables
from loading.workloads import WORKLOADS, calibrate
from marks import fill

LIMIT = 600.0  # seconds for one contender on one workload
FOLDER = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast batches are loaded, by AI Lab and by others.")
    parser.add_argument("--json", action="store_true", help="print the results as JSON to stdout")
    parser.add_argument("--quick", action="store_true", help="a quarter of the samples and fewer epochs")
    parser.add_argument("--only", default="", help="workloads and how contenders' names begin: W1,W3,torch")
    parser.add_argument("--repeat", type=int, default=1, help="run everything this often, for medians")
    parser.add_argument("--seconds", type=float, help="for the epochs after the first, 3 at least; 4, or 1.5 if quick")
    parser.add_argument("--from", dest="results", type=Path, metavar="JSON", help="measure nothing: take these results")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="put the tables into this Markdown file")
    arguments = parser.parse_args()
    found = _measured(arguments) if arguments.results is None else json.loads(arguments.results.read_text())
    print("\n" + "\n\n".join(filter(None, tables(found["results"]).values())), file=sys.stderr)
    if arguments.json:
        print(json.dumps(found, indent=1))
    if arguments.docs is not None:
        arguments.docs.write_text(
            fill(arguments.docs.read_text(), {"machine": about(found), **tables(found["results"])})
        )


def _measured(arguments: argparse.Namespace) -> dict[str, Any]:
    names = [name for name in arguments.only.split(",") if name]
    workloads = [name for name in names if name in WORKLOADS] or list(WORKLOADS)
    beginnings = [name for name in names if name not in WORKLOADS]
    before = machine()
    work = calibrate()
    seconds = arguments.seconds or (1.5 if arguments.quick else 4.0)
    runs: dict[str, dict[str, list[dict[str, Any]]]] = {workload: {} for workload in workloads}
    for _ in range(arguments.repeat):
        # Workload by workload, so that contenders that are compared run within minutes of each other.
        for workload in workloads:
            for contender in CONTENDERS:
                if workload in contender.workloads and (not beginnings or contender.name.startswith(tuple(beginnings))):
                    result = _run(contender, workload, arguments.quick, work, seconds)
                    runs[workload].setdefault(contender.name, []).append(result)
                    print(f"{workload} {contender.name}: {json.dumps(result)}", file=sys.stderr, flush=True)
    results = {
        workload: {name: _median(found) for name, found in by_name.items()} for workload, by_name in runs.items()
    }
    after = os.getloadavg()[0]
    return {"schema": 1, "quick": arguments.quick, "machine": before, "load_after": after, "results": results}


def _run(contender: Contender, workload: str, quick: bool, work: int, seconds: float) -> dict[str, Any]:
    """What one process measures, or ``{"error": ...}``."""
    order = {"contender": contender.name, "workload": workload, "quick": quick, "work": work, "seconds": seconds}
    environment = {
        **os.environ,
        "KERAS_BACKEND": contender.backend or "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": os.pathsep.join([str(FOLDER), os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, "-m", "loading.child", json.dumps(order)]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        out, err = process.communicate(timeout=LIMIT)
        found: dict[str, Any] = json.loads(out.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {LIMIT:.0f} s"}
    except (IndexError, json.JSONDecodeError):
        return {"error": f"died with {process.returncode}: {err.strip()[-300:]}"}
    finally:
        _end(process)
    return found


def _end(process: subprocess.Popen[str]) -> None:
    """End the contender and any workers that it left behind: they would disturb the next."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _median(found: list[dict[str, Any]]) -> dict[str, Any]:
    good = [result for result in found if "error" not in result]
    if not good:
        return found[0]
    medians = {
        key: statistics.median(result[key] for result in good)
        for key in ("first_batch_s", "first_epoch", "steady", "peak_mib")
    }
    medians["best"] = max(result["best"] for result in good)
    same = all(result["same_batches"] for result in good)
    return {**good[0], **medians, "same_batches": same, "runs": len(good)}


if __name__ == "__main__":
    main()
