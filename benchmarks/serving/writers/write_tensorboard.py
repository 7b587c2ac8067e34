"""Event files, by TensorBoard's own writer.

Live values are flushed one by one; by itself it does so every two minutes.
"""

from __future__ import annotations

from pathlib import Path

from tensorboard.summary import Writer
from values import name, order, run_live, values


def main() -> None:
    asked = order()
    if asked.live:
        writer = Writer(str(Path(asked.folder, name(0))))

        def log(step: int, value: float) -> None:
            writer.add_scalar("loss", value, step)
            writer.flush()

        run_live(*asked.live, log)
        writer.close()
        return
    for run in range(asked.runs):
        writer = Writer(str(Path(asked.folder, name(run))))
        for step, point in enumerate(values(run, asked.points, asked.metrics)):
            for metric, value in point.items():
                writer.add_scalar(metric, value, step)
        writer.close()


if __name__ == "__main__":
    main()
