"""A training that does what it is told over a socket, so that a test knows what had returned when a fault came.

``python training.py WORKSPACE FD``: each line is a JSON object with ``do``; each is answered with what was logged so
far and what was warned of. A socket, because injected faults of ``write`` hit pipes as well.
"""

from __future__ import annotations

import json
import logging
import resource
import signal
import socket
import sys
import time
from typing import Any


class Said(logging.Handler):
    """Keeps the messages."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def main() -> None:
    import numpy as np

    import ailab.experiment.logging as log
    from ailab.experiment import Config

    control = socket.socket(fileno=int(sys.argv[2]))
    lines = control.makefile("r")
    said = Said()
    logger = logging.getLogger("ailab")
    logger.addHandler(said)
    logger.propagate = False
    config = Config()
    for name in ("model", "loss", "metrics", "prepare"):
        setattr(config.arch, name, print)
    path = log.setup(
        config=config, workspace=sys.argv[1], snapshot=False, capture_output=False, system_seconds=None
    )  # fmt: skip
    values = images = 0
    control.sendall(json.dumps({"path": str(path)}).encode() + b"\n")
    for line in lines:
        order: dict[str, Any] = json.loads(line)
        match order["do"]:
            case "log":
                for _ in range(order["count"]):
                    log.log_value("loss", float(values), step=values, primary=True)
                    values += 1
                    if "pause" in order:  # libfaketime's clocks refuse to sleep
                        time.sleep(order["pause"])
            case "image":
                log.log_image("picture", np.full((16, 16, 3), 100, np.uint8))
                images += 1
            case "text":
                log.log_text("note", "x" * order["length"])
            case "progress":
                log.update_progress(order["value"])
            case "limit":
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                most = order["bytes"] if order["bytes"] is not None else resource.RLIM_INFINITY
                resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
            case "fail":
                raise RuntimeError("as it was told")
            case "finish":
                log.finish()
        control.sendall(json.dumps({"values": values, "images": images, "said": said.messages}).encode() + b"\n")


if __name__ == "__main__":
    main()
