"""How fast the server answers, each figure beside its goal: ``python benchmarks/server.py --json``.

Every server is a process of its own, started as a user starts it, on a workspace whose bytes are the real writer's. The
table goes to stderr, JSON to stdout.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from loading.report import machine
from serving.measures import MEASURES


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast the server answers, each figure beside its goal.")
    parser.add_argument("--json", action="store_true", help="print the results as JSON to stdout")
    parser.add_argument("--only", default="", help=f"some of {','.join(MEASURES)}")
    parser.add_argument("--tries", type=int, default=3, help="how often what is measured once a process is repeated")
    parser.add_argument("--folder", type=Path, help="keep the workspaces here, for the next time")
    arguments = parser.parse_args()
    names = [name for name in arguments.only.split(",") if name] or list(MEASURES)
    if unknown := [name for name in names if name not in MEASURES]:
        parser.error(f"--only: {', '.join(unknown)}: choose from {', '.join(MEASURES)}")
    results = {}
    with tempfile.TemporaryDirectory(prefix="ailab-bench-") as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            for what, (goal, measured, unit) in MEASURES[name](folder, arguments.tries).items():
                met = measured <= goal
                results[what] = {"goal": goal, "measured": round(measured, 3), "unit": unit, "met": met}
                line = f"{what:65} {measured:9.2f} {unit:12} goal {goal:g} {'' if met else 'MISSED'}"
                print(line, file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps({"schema": 1, "machine": machine(), "results": results}, indent=1))


if __name__ == "__main__":
    main()
