"""What logging costs and loses, with AI Lab and with its peers: ``python benchmarks/logs.py [--json FILE]``.

Not called ``logging.py``: a script's folder comes first on the path, and would hide Python's own module.

Every measurement runs in a process of its own, on the disk of ``--folder``. Peers are found in the environments below
``--peers``, which ``--build`` makes; one that is nowhere installed is named and left out. ``nox -s bench_logging`` does
all of it. ``--table FILE`` measures nothing: it prints the tables of a JSON that was written before, and with ``--page
docs/benchmarks-logging.md`` puts them there. What is measured, and what it came to, is in that page.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from recording import environments
from recording.goals import standing
from recording.measures import FULL, QUICK, Settings, calls_and_start, losses, size_and_reading
from recording.peers import OURS, PEERS, Peer
from recording.report import machine, put, tables
from recording.running import Failed


def main() -> None:
    arguments = _arguments()
    if arguments.table:
        _show(json.loads(arguments.table.read_text()), arguments.page)
        return
    keys = [key for key in arguments.only.split(",") if key] or [peer.key for peer in PEERS]
    if unknown := set(keys) - {peer.key for peer in PEERS}:
        raise SystemExit(f"--only: no peer {', '.join(unknown)}; there are {', '.join(peer.key for peer in PEERS)}")
    if arguments.build:
        if arguments.peers is None:
            raise SystemExit("--build needs --peers FOLDER, where the environments are to be made")
        environments.build(arguments.peers.resolve(), environments.needed(keys))
    begun = time.monotonic()
    about = machine(arguments.folder)
    results = _measure(keys, arguments.peers, arguments.folder, QUICK if arguments.quick else FULL)
    reading = _reading(arguments.quick) if OURS in results else []
    found = {
        "schema": 1,
        "date": time.strftime("%Y-%m-%d"),
        "quick": arguments.quick,
        "command": _command(arguments),
        "machine": about,
        "minutes": (time.monotonic() - begun) / 60,
        "results": results,
        "reading": reading,
        "goals": standing(results, reading),
    }
    if arguments.json == "-":
        print(json.dumps(found, indent=1))
    elif arguments.json:
        Path(arguments.json).write_text(json.dumps(found, indent=1) + "\n")
    print("\n" + tables(found), file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What logging costs and loses, with AI Lab and with its peers.")
    parser.add_argument("--json", nargs="?", const="-", help="write the results to this file (default: the terminal)")
    parser.add_argument("--quick", action="store_true", help="few values, one round, few kills")
    parser.add_argument("--only", default="", help=f"some of {','.join(peer.key for peer in PEERS)}")
    parser.add_argument("--peers", type=Path, help="the folder of the peers' virtual environments")
    parser.add_argument("--build", action="store_true", help="make those that are missing, with pip")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()), help="where to log; default: %(default)s"
    )
    parser.add_argument("--table", type=Path, help="measure nothing: the tables of this JSON")
    parser.add_argument("--page", type=Path, help="with --table: put them into this page, between its marks")
    return parser.parse_args()


def _command(arguments: argparse.Namespace) -> str:
    """What to type for the same figures; the folders are everyone's own."""
    parts = [
        "python benchmarks/logs.py",
        "--quick" * arguments.quick,
        f"--only {arguments.only}" * bool(arguments.only),
    ]
    return " ".join(part for part in parts if part)


def _measure(keys: list[str], folder: Path | None, disk: Path, settings: Settings) -> dict[str, dict[str, Any]]:
    """Results by key, as they stand in the JSON."""
    results: dict[str, dict[str, Any]] = {}
    pythons: dict[str, str] = {}
    chosen = [peer for peer in PEERS if peer.key in keys]
    for peer in chosen:
        python = environments.python_of(peer, None if folder is None else folder.resolve())
        if python is None:
            print(f"{peer.name} is left out: it is not installed", file=sys.stderr)
            continue
        pythons[peer.key] = python
        results[peer.key] = {"versions": environments.versions(python, peer) or {}, "errors": {}}
    chosen = [peer for peer in chosen if peer.key in pythons]
    # Everybody in turn: what is compared runs within minutes, and the best of all rounds counts.
    for _ in range(settings.rounds):
        for peer in chosen:
            _try(results[peer.key], peer, "calls", calls_and_start, pythons[peer.key], disk, settings)
    for peer in chosen:
        _try(results[peer.key], peer, "size and reading", size_and_reading, pythons[peer.key], disk, settings)
        _try(results[peer.key], peer, "kills", losses, pythons[peer.key], disk, settings)
    return results


def _try(result: dict[str, Any], peer: Peer, what: str, measure: Any, python: str, disk: Path, settings: Any) -> None:
    """Add what is measured to the result: the least of each figure, as other processes only ever make it slower."""
    begun = time.monotonic()
    try:
        found = measure(python, peer, disk, settings)
    except Failed as error:
        result["errors"][what] = str(error)
        print(f"{peer.name}: {what} failed: {error}", file=sys.stderr, flush=True)
        return
    for name, value in found.items():
        result[name] = _least(result.get(name), value)
    print(f"{peer.name}: {what}, {time.monotonic() - begun:.1f} s: {json.dumps(found)}", file=sys.stderr, flush=True)


def _least(before: Any, now: Any) -> Any:
    if before is None:
        return now
    if isinstance(now, dict):
        return {name: _least(before.get(name), value) for name, value in now.items()}
    return min(before, now)


def _reading(quick: bool) -> list[dict[str, Any]]:
    """The rows of ``reading.py`` that have a goal."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "reading.json")
        command = [sys.executable, str(Path(__file__).with_name("reading.py")), "--goals", "--json", str(file)]
        subprocess.run([*command, *(["--quick"] if quick else [])], check=True, stdout=sys.stderr)
        rows: list[dict[str, Any]] = json.loads(file.read_text())
    return rows


def _show(found: dict[str, Any], page: Path | None) -> None:
    text = tables(found)
    if page is None:
        print(text)
    else:
        page.write_text(put(page.read_text(), text))


if __name__ == "__main__":
    main()
