"""The systemd unit that keeps a server running: ``ailab-server service``."""

import sys
from pathlib import Path

__all__ = ["systemd_unit"]

_UNIT = """\
[Unit]
Description=AI Lab server ({name})
After=network-online.target remote-fs.target
Wants=network-online.target

[Service]
ExecStart={command}
{user}Restart=on-failure
RestartSec=5
# 2 is a config that cannot be used: starting again does not mend it.
RestartPreventExitStatus=2
# The server ends its tasks itself; it needs the time that it gives them.
KillMode=mixed
TimeoutStopSec=15
LimitNOFILE=65536

[Install]
WantedBy={target}
"""


def systemd_unit(config: Path, user: str | None = None) -> str:
    """A unit that serves ``config``: the system's, running as ``user``, or without one the calling user's own.

    Raises:
        ValueError: a path or the user holds a character that no unit can hold.
    """
    command = " ".join(_quoted(word) for word in (sys.executable, "-m", "ailab_server", str(config.absolute())))
    if user is not None and (not user or not user.isprintable() or any(c in user for c in " %\t")):
        raise ValueError(f"{user!r} is no user that a unit can name")
    return _UNIT.format(
        name=_specifiers(_printable(config.name)),
        command=command,
        user="" if user is None else f"User={user}\n",
        target="default.target" if user is None else "multi-user.target",
    )


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"{text!r} holds a character that a unit cannot hold; rename it")
    return text


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(word: str) -> str:
    """``word`` as systemd reads it back: see "Command lines" in systemd.service(5)."""
    text = _specifiers(_printable(word)).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    plain = text.replace("/", "").replace("-", "").replace("_", "").replace(".", "").isalnum()
    return text if plain else f'"{text}"'
