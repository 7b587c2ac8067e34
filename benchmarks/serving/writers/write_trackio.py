"""A trackio project, by the storage that its runs log through, many values a call; live ones by a run."""

from __future__ import annotations

import contextlib
import sys

import trackio
from trackio.sqlite_storage import SQLiteStorage
from values import name, order, run_live, values

_MOST = 100_000


def main() -> None:
    asked = order()
    if asked.live:
        with contextlib.redirect_stdout(sys.stderr):  # it greets
            trackio.init(project="bench", name=name(0), embed=False, auto_log_gpu=False, auto_log_cpu=False)
        run_live(*asked.live, lambda step, value: trackio.log({"loss": value}, step=step))
        with contextlib.redirect_stdout(sys.stderr):
            trackio.finish()
        return
    for number in range(asked.runs):
        points = list(values(number, asked.points, asked.metrics))
        for start in range(0, len(points), _MOST):
            part = points[start : start + _MOST]
            SQLiteStorage.bulk_log("bench", name(number), part, steps=list(range(start, start + len(part))))


if __name__ == "__main__":
    main()
