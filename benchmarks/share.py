"""How late a value is on a real NFS: ``python benchmarks/share.py --json``, on Debian, without root.

QEMU boots Debian's kernel. In there a kernel NFS server exports a folder, and two clients that know nothing of each
other mount it: the writer logs through one, the server reads through the other, a stream client listens. The same on
the exported ext4 itself, in turn, and on this machine's disk before, tells what the slow guest alone makes of it.
Packages are downloaded and unpacked, not installed; the guest sees this machine's files, and cannot write them.
``--faults`` runs ``tests/faults/test_nfs.py`` in there.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from loading.report import machine
from marks import fill
from serving.measures import lags
from sharing.machine import run
from sharing.packages import missing, unpack

GOAL = 1.5
"""Seconds from a value logged to a line of the stream, for 95 of 100."""

_HERE = Path(__file__).parent
_NAMES = {"host": "without a guest, this machine's disk", "local": "the guest's ext4"}


def main() -> None:
    arguments = _arguments()
    if arguments.results is not None:
        results = json.loads(arguments.results.read_text())
    else:
        lacking = missing()
        if lacking:
            raise SystemExit("share.py: " + "\nshare.py: ".join(lacking))
        arguments.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="ailab-share-") as temporary:
            if arguments.faults:
                raise SystemExit(_test(arguments, Path(temporary)))
            results = _measure(arguments, Path(temporary))
    _tell(table(results))
    if arguments.json:
        print(json.dumps(results, indent=1))
    if arguments.docs is not None:
        arguments.docs.write_text(fill(arguments.docs.read_text(), {"share": table(results)}))


def _measure(arguments: argparse.Namespace, temporary: Path) -> dict[str, Any]:
    before = os.getloadavg()[0]
    here = temporary / "workspace"
    here.mkdir()
    waits = {"host": lags(here, here, temporary, 1, arguments.rate, arguments.seconds)}
    options = ["--versions", *arguments.versions, "--rate", str(arguments.rate)]
    options += ["--seconds", str(arguments.seconds), "--tries", str(arguments.tries)]
    limit = 120 + arguments.tries * (1 + len(arguments.versions)) * (120 + arguments.seconds)
    code = _boot(arguments, temporary, [str(_HERE / "sharing/inside.py"), *options], limit)
    if code != 0:
        raise SystemExit(f"share.py: the measurement ended with {code}")
    found = json.loads((temporary / "out/results.json").read_text())
    waits |= found["waits"]
    load = [round(before, 1), round(os.getloadavg()[0], 1)]
    guest = {"kernel": found["kernel"], "cores": found["cores"], "emulated": not arguments.kvm}
    about = {"schema": 1, "machine": machine(), "load": load, "guest": guest}
    return {**about, "results": figures(waits), "values": {k: len(v) for k, v in waits.items()}}


def figures(waits: dict[str, list[float]]) -> dict[str, Any]:
    """Figure → goal, measured, unit, met, as ``server.py`` has them; without NFS there is none."""
    results = {}
    for where, found in waits.items():
        found.sort()
        name = _NAMES.get(where, f"NFS {where}")
        figures = {"median": statistics.median(found), "p95": found[int(0.95 * len(found))], "longest": found[-1]}
        for figure, value in figures.items():
            goal = GOAL if figure == "p95" and where not in _NAMES else None
            one = {
                "goal": goal,
                "measured": round(value, 3),
                "unit": "s",
                "met": None if goal is None else value <= goal,
            }
            results[f"value logged to stream, {figure}, {name}"] = one
    return results


def table(results: dict[str, Any]) -> str:
    """One row a file system."""
    lines = [
        "| value logged → in the stream | values | median, s | p95, s | longest, s | goal for p95 |",
        "|---|---|---|---|---|---|",
    ]
    for where, count in results["values"].items():
        name = _NAMES.get(where, f"NFS {where}")
        one = {f: results["results"][f"value logged to stream, {f}, {name}"] for f in ("median", "p95", "longest")}
        goal, met = one["p95"]["goal"], one["p95"]["met"]
        cells = [f"{figure['measured']:.2f}" for figure in one.values()]
        cells.append("" if goal is None else f"{goal:g} s{'' if met else ', missed'}")
        lines.append(f"| {name} | {count} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _test(arguments: argparse.Namespace, temporary: Path) -> int:
    """The promises that need a real share, as tests."""
    code = 0
    for version in arguments.versions:
        command = [str(_HERE / "sharing/faults.py"), version]
        code = max(code, _boot(arguments, temporary, command, 900.0))
    return code


def _boot(arguments: argparse.Namespace, temporary: Path, program: list[str], limit: float) -> int:
    try:
        parts = unpack(arguments.folder)
        path = os.pathsep.join([str(_HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
        return run(parts, temporary, program, {"PYTHONPATH": path}, arguments.kvm, limit)
    except RuntimeError as error:
        raise SystemExit(f"share.py: {error}") from error
    finally:
        log = temporary / "out/output.log"
        if log.exists():
            _tell(log.read_text("utf-8", "replace"))


def _arguments() -> argparse.Namespace:
    kept = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ailab-bench" / "debian"
    parser = argparse.ArgumentParser(description="How late a value is on a real NFS, in a machine made for it.")
    parser.add_argument("--json", action="store_true", help="print the results as JSON to stdout")
    parser.add_argument("--versions", nargs="*", default=["4.2", "3"], help="of NFS; 4.2 and 3 by default")
    parser.add_argument("--rate", type=float, default=4.0, help="values a second")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each measurement")
    parser.add_argument("--tries", type=int, default=3, help="how often each file system has its turn")
    parser.add_argument("--kvm", action="store_true", help="with a /dev/kvm that works: nothing is emulated")
    parser.add_argument("--faults", action="store_true", help="measure nothing: run tests/faults/test_nfs.py in there")
    parser.add_argument("--folder", type=Path, default=kept, help=f"keeps the unpacked packages; {kept}")
    parser.add_argument("--from", dest="results", type=Path, metavar="JSON", help="measure nothing: take these results")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="put the table into this Markdown file")
    found = parser.parse_args()
    found.folder = found.folder.absolute()
    return found


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
