"""The results as Markdown tables, put between the marks of a document."""

from __future__ import annotations

from typing import Any

__all__ = ["fill", "put", "tables"]

_SECONDS = ("1 M-point series", ("200 runs listed", "200 series"), ("1,000 runs listed", "2,000 series"))
_LOGGED = ("logged to API, p50", "logged to API, p95")
_CASE = {"1 M-point series": "long", "200 runs listed": "some", "1,000 runs listed": "many", _LOGGED[0]: "live"}


def fill(text: str, results: dict[str, Any]) -> str:
    """``text`` with `tables` put into it."""
    for name, table in tables(results).items():
        text = put(text, name, table)
    return text


def put(text: str, name: str, table: str) -> str:
    """``text`` with what stands between ``<!-- table: NAME -->`` and ``<!-- end -->`` replaced; a table of which
    nothing was measured stays.
    """
    before, mark, rest = text.partition(f"<!-- table: {name} -->\n")
    _, end, after = rest.partition("<!-- end -->")
    if not end:
        raise ValueError(f"the document has no <!-- table: {name} --> … <!-- end -->")
    return f"{before}{mark}{table}\n{end}{after}" if table else text


def tables(results: dict[str, Any]) -> dict[str, str]:
    """The tables ``peers``, ``goals`` and ``machine``, by name; empty when nothing of one was measured."""
    return {
        "machine": _machine(results),
        "goals": _goals(results["results"]),
        "peers": _peers(results["contest"]),
    }


def _machine(results: dict[str, Any]) -> str:
    machine = results["machine"]
    versions = machine.get("versions", {})
    before, after = results["load"]
    peers = ", ".join(f"{name} {one['version']}" for name, one in results["contest"].items())
    about = f"{machine.get('cores', '?')} × {machine.get('cpu', '?')}, Python {versions.get('python', '?')}"
    line = f"{about}; load {before} at the start, {after} at the end{'; ' if peers else ''}{peers}."
    if max(before, after) > 2 * machine.get("cores", 1):
        line += "\n**Others used the machine meanwhile: these times are several times what an idle one takes.**"
    return line


def _goals(results: dict[str, Any]) -> str:
    if not results:
        return ""
    lines = ["| figure | goal | measured | |", "|---|---|---|---|"]
    for name, one in results.items():
        unit = one["unit"]
        lines.append(
            f"| {name} | {one['goal']:g} {unit} | {_short(one['measured'])} {unit} | {'' if one['met'] else 'missed'} |"
        )
    return "\n".join(lines)


def _peers(contest: dict[str, Any]) -> str:
    if not contest:
        return ""
    lines = [
        "| seconds from process start | 1 M-point series answered | 200 runs listed / a series of each "
        "| 1,000 runs × 1,000 × 2: list / series | memory, MB | value logged → in the API, p50 / p95 |",
        "|---|---|---|---|---|---|",
    ]
    for name, one in contest.items():
        cells = one["cells"]
        row = [_cell(cells, one["failed"], *([names] if isinstance(names, str) else names)) for names in _SECONDS]
        least, most = cells.get("memory least"), cells.get("memory most")
        row.append("–" if least is None else f"{least:.0f}–{most:.0f}")
        row.append(_cell(cells, one["failed"], *_LOGGED))
        lines.append(f"| {name} | {' | '.join(row)} |")
    return "\n".join(lines)


def _cell(cells: dict[str, float], failed: dict[str, str], *names: str) -> str:
    if names[0] in cells:
        return " / ".join(_short(cells[name]) for name in names)
    return "failed" if _CASE[names[0]] in failed else "–"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 99.5 else f"{value:.1f}" if value >= 9.95 else f"{value:.2f}"
