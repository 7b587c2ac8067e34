"""How fast the server answers, each figure beside its goal and its peers': ``python benchmarks/server.py --json``.

Every server is a process of its own, started as a user starts it. Ours reads a workspace whose bytes are the real
writer's; a peer, which ``--peers NAME=PYTHON`` gives by the interpreter that has it, what its own writer wrote. The
table goes to stderr, JSON to stdout; ``--docs FILE`` puts the tables into a Markdown file, of this run or an older one
(``--from``).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from loading.report import machine
from marks import fill
from serving.contenders import CONTENDERS
from serving.contest import CASES, compete
from serving.measures import MEASURES
from serving.table import tables


def main() -> None:
    arguments = _arguments()
    if arguments.results is not None:
        results = json.loads(arguments.results.read_text())
    else:
        with tempfile.TemporaryDirectory(prefix="ailab-bench-") as temporary:
            folder = arguments.folder or Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            results = measure(arguments, folder)
    if arguments.json:
        print(json.dumps(results, indent=1))
    if arguments.docs is not None:
        arguments.docs.write_text(fill(arguments.docs.read_text(), tables(results)))


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Everything that was asked for."""
    before = os.getloadavg()[0]
    results: dict[str, Any] = {}
    for name in arguments.only:
        for what, (goal, measured, unit) in MEASURES[name](folder, arguments.tries).items():
            met = measured <= goal
            results[what] = {"goal": goal, "measured": round(measured, 3), "unit": unit, "met": met}
            _tell(f"{what:65} {measured:9.2f} {unit:12} goal {goal:g} {'' if met else 'MISSED'}")
    contest = {
        name: compete(CONTENDERS[name](python), folder, arguments.cases, arguments.tries, _tell)
        for name, python in (arguments.peers or {}).items()
    }
    load = [round(before, 1), round(os.getloadavg()[0], 1)]
    return {"schema": 1, "machine": machine(), "load": load, "results": results, "contest": contest}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How fast the server answers, beside its goals and its peers.")
    parser.add_argument("--json", action="store_true", help="print the results as JSON to stdout")
    parser.add_argument("--only", type=_names(MEASURES), default=list(MEASURES), help=f"some of {','.join(MEASURES)}")
    parser.add_argument(
        "--peers", action="append", metavar="NAME=PYTHON", type=_peer, default=[],
        help=f"compare with a peer, and with ourselves ({', '.join(CONTENDERS)}); may be given several times",
    )  # fmt: skip
    parser.add_argument("--cases", type=_names(CASES), default=list(CASES), help=f"of the peers: {','.join(CASES)}")
    parser.add_argument("--tries", type=int, default=3, help="how often what is measured once a process is repeated")
    parser.add_argument("--folder", type=Path, help="keep what is read here, for the next time")
    parser.add_argument("--from", dest="results", type=Path, metavar="JSON", help="measure nothing: take these results")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="put the tables into this Markdown file")
    found = parser.parse_args()
    if found.folder is not None:
        found.folder = found.folder.absolute()
    found.peers = {"AI Lab": sys.executable, **dict(found.peers)} if found.peers else {}
    return found


def _names(known: dict[str, Any]) -> Any:
    def parse(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose from {', '.join(known)}")
        return names

    return parse


def _peer(text: str) -> tuple[str, str]:
    name, equals, python = text.partition("=")
    known = {one.lower().split()[0]: one for one in CONTENDERS}
    if not equals or name.lower().split()[0] not in known:
        raise argparse.ArgumentTypeError(f"{text!r}: NAME=PYTHON, NAME one of {', '.join(known)}")
    if not os.access(python, os.X_OK):
        raise argparse.ArgumentTypeError(f"{python!r} is no program")
    return known[name.lower().split()[0]], str(Path(python).absolute())


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
