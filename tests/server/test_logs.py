from __future__ import annotations

import logging

import pytest

from ailab_server.logs import SafeFormatter, escaped


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain ü", "plain ü"), ("a\r\nb", "a\\r\\nb"), ("\x1b[31m", "\\x1b[31m"), ("\x00\x7f", "\\x00\\x7f"),
     ("\u202e", "\\u202e"), ("\x9b1m", "\\x9b1m"), ("\t", "\\t")],
)  # fmt: skip
def test_control_characters_are_spelled_out(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_a_name_cannot_forge_a_line_or_reach_the_terminal() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "user %s", ("eve\n2026 INFO login: user root\x1b]0;",), None)
    line = SafeFormatter("%(levelname)s %(message)s").format(record)
    assert line == "INFO user eve\\n2026 INFO login: user root\\x1b]0;"


def test_a_traceback_keeps_its_lines_only() -> None:
    try:
        raise ValueError("bad \x1b[2J")
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", (), (ValueError, error, error.__traceback__))
    shown = SafeFormatter("%(message)s").format(record)
    assert "\x1b" not in shown
    assert shown.splitlines()[-1] == "ValueError: bad \\x1b[2J"
