"""Log lines that a terminal and a log file can show safely, whatever names and paths they repeat."""

import logging
import sys

__all__ = ["SafeFormatter", "escaped", "set_up"]

_NAMES = {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}


def escaped(text: str) -> str:
    """``text`` with control characters, line ends among them, and other unprintables spelled out."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else _NAMES.get(ord(c)) or c.encode("unicode_escape").decode("ascii") for c in text
    )


class SafeFormatter(logging.Formatter):
    """Escapes the message, and each line of a traceback."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = escaped(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:
        return "\n".join(escaped(line) for line in super().formatException(ei).split("\n"))  # type: ignore[arg-type]


def set_up() -> None:
    """Send this process's log to stderr. Requests are not logged: who watches what is nobody's business."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(SafeFormatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("ailab_server").setLevel(logging.INFO)
