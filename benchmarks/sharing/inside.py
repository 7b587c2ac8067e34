"""In the guest: how late values are through NFS, and on its own disk. ``share.py`` starts it there."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

from serving.measures import lags
from sharing.clients import DISK, both

_OUT = Path("/run/out/results.json")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--versions", nargs="*", required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--tries", type=int, required=True)
    arguments = parser.parse_args()
    waits: dict[str, list[float]] = {"local": [], **{version: [] for version in arguments.versions}}
    scratch = DISK / "scratch"
    scratch.mkdir()
    for turn in range(arguments.tries):
        for where, found in waits.items():
            found += _measure(where, f"workspace{turn}-{where}", scratch, arguments)
            print(f"{where}: {len(found)} values, turn {turn + 1}", file=sys.stderr, flush=True)
    result: dict[str, Any] = {"kernel": platform.release(), "cores": os.cpu_count(), "waits": waits}
    _OUT.write_text(json.dumps(result))


def _measure(where: str, name: str, scratch: Path, arguments: argparse.Namespace) -> list[float]:
    """One workspace, written and read: seconds of every value."""
    shutil.rmtree(scratch / "s", ignore_errors=True)
    if where == "local":
        here = DISK / name
        here.mkdir()
        return lags(here, here, scratch, 1, arguments.rate, arguments.seconds)
    with both(where) as (writer, reader):
        (writer / name).mkdir()
        return lags(writer / name, reader / name, scratch, 1, arguments.rate, arguments.seconds)


if __name__ == "__main__":
    main()
