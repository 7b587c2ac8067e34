"""An Aim repository, by its own SDK, all metrics of a step in one call."""

from __future__ import annotations

from aim import Repo, Run
from values import name, order, run_live, values


def main() -> None:
    asked = order()
    repo = Repo.from_path(asked.folder, init=True)

    def start(number: int) -> Run:
        run = Run(repo=repo, experiment="bench", system_tracking_interval=None, capture_terminal_logs=False)
        run.name = name(number)
        return run

    if asked.live:
        live = start(0)
        run_live(*asked.live, lambda step, value: live.track(value, name="loss", step=step))
        live.close()
        return
    for number in range(asked.runs):
        run = start(number)
        for step, point in enumerate(values(number, asked.points, asked.metrics)):
            run.track(point, step=step)
        run.close()


if __name__ == "__main__":
    main()
