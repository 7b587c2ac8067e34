"""Results as tables in Markdown, and what they were measured on."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from machine import lines_of
from machine import machine as hardware
from recording.goals import measured, standing
from recording.peers import OURS, PEERS

__all__ = ["BEGIN", "END", "machine", "put", "tables"]

BEGIN, END = "<!-- benchmarks/logs.py --table: begin -->", "<!-- end -->"
Result = Mapping[str, Any]

RATIOS = (
    ("a value, median", ("value", "median_us")),
    ("mean", ("value", "mean_us")),
    ("ten values", ("ten", "median_us")),
    ("an image", ("image", "median_us")),
    ("bytes a point", ("size", "bytes_a_point")),
    ("start", ("start", "seconds")),
    ("memory", ("start", "megabytes")),
    ("read 1 M", ("read", "seconds_a_million")),
)


def machine(folder: Path) -> dict[str, Any]:
    """The machine, the disk and the load before the run."""
    return {
        **hardware(),
        "python": platform.python_version(),
        "file_system": _file_system(folder),
        "load_before": round(os.getloadavg()[0], 2),
        "busy_before": round(_busy(3.0), 2),
    }


def _busy(seconds: float) -> float:
    """How many cores others use, on average: the load would still tell of what was built a minute ago."""

    def used() -> float:
        user, nice, system, *_ = map(int, lines_of("/proc/stat")[0].split()[1:])
        return (user + nice + system) / os.sysconf("SC_CLK_TCK")

    before = used()
    time.sleep(seconds)
    return (used() - before) / seconds


def _file_system(folder: Path) -> str:
    at = str(folder.resolve())
    mounts = [line.split()[1:3] for line in lines_of("/proc/mounts")]
    within = [(len(point), kind) for point, kind in mounts if at == point or at.startswith(point.rstrip("/") + "/")]
    return max(within, default=(0, "unknown"))[1]


def tables(found: Mapping[str, Any]) -> str:
    """Everything in a JSON of ``benchmarks/logs.py``, for ``docs/benchmarks-logging.md``."""
    about, results = found["machine"], found["results"]
    names = {peer.key: peer.name for peer in PEERS}
    idle = "" if about["busy_before"] < 0.2 else " **Others used the machine: provisional.**"
    quick = " A quick run, with few values and kills." if found["quick"] else ""
    head = (
        f"{found['date']}, {about['cores']} cores of an {about['cpu']}, {about['memory_gib']} GiB, {about['system']}, "
        f"Python {about['python']}, {about['file_system']}, {about['busy_before']:.1f} cores in use before, "
        f"load {about['load_before']}; "
        f"`{found['command']}`, {found['minutes']:.0f} min.{idle}{quick}"
    )
    ours = [_goals(found), _ratios(results, names)] if OURS in results else []
    return "\n\n".join([head, _main(results, names), *ours, _notes(results, names)])


def put(page: str, text: str) -> str:
    """The page with ``text`` in the place of what stands between the two marks.

    Raises:
        ValueError: the page has no such place.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no place for tables: it holds no {BEGIN!r} with an {END!r} after it")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def _main(results: Mapping[str, Result], names: Mapping[str, str]) -> str:
    columns: list[tuple[str, Callable[[Result], str]]] = [
        ("one value, median / mean µs", lambda r: _pair(r, "value")),
        ("ten values, µs", lambda r: _figure(r, ("ten", "median_us"))),
        ("lost by `kill -9`: 100 Hz / tight loop", lambda r: " / ".join(_lost(r.get(k)) for k in ("hz100", "tight"))),
        ("bytes a point", lambda r: _figure(r, ("size", "bytes_a_point"), "{:.0f}")),
        ("process start → first value", _start),
        ("read 1 M points", _read),
        ("256×256×3 image, µs", lambda r: _figure(r, ("image", "median_us"))),
    ]
    lines = [f"| | {' | '.join(title for title, _ in columns)} |", "|---" * (len(columns) + 1) + "|"]
    for key, result in results.items():
        bold = "**" if key == OURS else ""
        lines.append(f"| {bold}{names[key]}{bold} | {' | '.join(cell(result) for _, cell in columns)} |")
    return "\n".join(lines)


def _goals(found: Mapping[str, Any]) -> str:
    lines = ["| AI Lab's goals | at most | reached |", "|---|---|---|"]
    for row in standing(found["results"], found["reading"]):
        mark = "" if row["met"] else " **not met**"
        lines.append(f"| {row['goal']} | {row['most']:g} {row['unit']} | {_short(row['reached'])}{mark} |")
    return "\n".join(lines)


def _ratios(results: Mapping[str, Result], names: Mapping[str, str]) -> str:
    ours = results.get(OURS, {})
    lines = [f"| times AI Lab's figure | {' | '.join(t for t, _ in RATIOS)} |", "|---" * (len(RATIOS) + 1) + "|"]
    for key, result in results.items():
        if key != OURS:
            cells = []
            for _, path in RATIOS:
                mine, theirs = measured(ours, path), measured(result, path)
                cells.append(_short(theirs / mine) if mine and theirs is not None else "–")
            lines.append(f"| {names[key]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _notes(results: Mapping[str, Result], names: Mapping[str, str]) -> str:
    notes = {peer.key: peer.note for peer in PEERS}
    lines = []
    for key, result in results.items():
        parts = [", ".join(f"{name} {version}" for name, version in result.get("versions", {}).items()), notes[key]]
        waits = result.get("finish_s", 0.0)
        if waits >= 0.1:
            parts.append(f"the end of the run took another {waits:.1f} s")
        parts += [f"{what} failed: {_line(error)}" for what, error in result.get("errors", {}).items()]
        for pace in ("tight", "hz100"):
            if "because" in result.get(pace, {}):
                parts.append(f"after a kill: {_line(result[pace]['because'])}")
                break
        if any(parts):
            lines.append(f"- {names[key]}: {'; '.join(part for part in parts if part)}.")
    return "\n".join(lines)


def _line(text: str) -> str:
    """The last line of an error, without this machine's folders."""
    last = re.sub(r"/\S*/", "…/", text.splitlines()[-1].strip())
    return f"`{last[:160].replace('`', '')}`"


def _pair(result: Result, what: str) -> str:
    both = [_figure(result, (what, figure)) for figure in ("median_us", "mean_us")]
    return " / ".join(both)


def _figure(result: Result, path: tuple[str, str], form: str = "") -> str:
    value = measured(result, path)
    return "–" if value is None else form.format(value) if form else _short(value)


def _lost(found: Any) -> str:
    if not found:
        return "–"
    if not found["lost"]:
        return f"0 of {_thousands(found['logged'])}"
    if found.get("unreadable") == found["kills"]:
        return "unreadable"
    share = found["lost"] / max(1, found["logged"])
    return f"{_thousands(found['lost'])} of {_thousands(found['logged'])} ({_short(100 * share)} %)"


def _start(result: Result) -> str:
    seconds, megabytes = (measured(result, ("start", key)) for key in ("seconds", "megabytes"))
    return "–" if seconds is None or megabytes is None else f"{seconds:.2f} s, {megabytes:.0f} MiB"


def _read(result: Result) -> str:
    seconds = measured(result, ("read", "seconds_a_million"))
    if seconds is None:
        return "–"
    scaled = f" (from {_thousands(result['read']['points'])})" if result["read"]["scaled"] else ""
    return f"{_short(seconds)} s{scaled}"


def _thousands(number: int) -> str:
    return f"{number:,}"


def _short(number: float) -> str:
    """Two digits, or all of those before the point."""
    if number == 0 or number >= 100:
        return f"{number:,.0f}"
    return f"{number:.{max(0, 1 - _magnitude(number))}f}"


def _magnitude(number: float) -> int:
    return int(f"{number:e}".partition("e")[2])
