"""Aim."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from serving.contenders.base import Contender, Got, Http
from serving.workspaces import Shape

__all__ = ["Aim", "pairs"]

_KEY_END = 0xFE
_STRING, _BYTES = 4, 5


class Aim(Contender):
    """Asked as its pages "Runs" and "Metrics" do, for as many points as those offer at most."""

    name = "Aim"
    package = "aim"
    most = 500

    def command(self, folder: Path, port: int) -> list[str]:
        """As a user starts it."""
        return [str(Path(self.python).with_name("aim")), "up", "--repo", str(folder), "--port", str(port), "--yes"]

    def runs(self, http: Http, shape: Shape) -> list[str]:
        """As many as there are, in one page."""
        body = http.ask("GET", f"/api/runs/search/run/?limit={shape.runs}&exclude_params=true&report_progress=false")
        return [str(key) for key in dict.fromkeys(path[0] for path, _ in pairs(body))]

    def series(self, http: Http, runs: Sequence[str], metrics: Sequence[str]) -> dict[tuple[str, str], Got]:
        """One query for all runs."""
        wanted = " or ".join(f'metric.name == "{metric}"' for metric in metrics)
        query = quote(f"({wanted})")
        body = http.ask("GET", f"/api/runs/search/metric/?q={query}&p={self.most}&report_progress=false")
        names: dict[tuple[str, int], str] = {}
        found = {}
        for path, value in pairs(body):
            match path:
                case [str(run), "traces", int(number), "name"] if value[0] == _STRING:
                    names[run, number] = value[1:].decode()
                case [str(run), "traces", int(number), "iters", "blob"] if value[0] == _BYTES:
                    steps = memoryview(value)[1:].cast("d")
                    found[run, names[run, number]] = Got(len(steps), int(steps[-1]))
        return found


def pairs(body: bytes) -> Iterator[tuple[list[str | int], bytes]]:
    """The paths and values of one of Aim's streamed trees; a value's first byte is its type."""
    offset = 0
    while offset < len(body):
        (size,) = struct.unpack_from("<I", body, offset)
        key = body[offset + 4 : offset + 4 + size]
        offset += 4 + size
        (size,) = struct.unpack_from("<I", body, offset)
        yield _path(key), body[offset + 4 : offset + 4 + size]
        offset += 4 + size


def _path(key: bytes) -> list[str | int]:
    parts: list[str | int] = []
    at = 0
    while at < len(key):
        if key[at] == _KEY_END:  # a number: big-endian, 8 bytes
            parts.append(int.from_bytes(key[at + 1 : at + 9], "big", signed=True))
            at += 10
        else:
            end = key.index(_KEY_END, at)
            parts.append(key[at:end].decode())
            at = end + 1
    return parts
