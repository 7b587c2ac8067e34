"""Results as tables in Markdown, and what they were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from loading.goals import Results, standing
from machine import machine as hardware

__all__ = ["machine", "tables"]

_PACKAGES = ("ailab-core", "numpy", "torch", "tensorflow", "keras", "grain")


def machine() -> dict[str, Any]:
    """The machine and the versions."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return {**hardware(), "load_before": os.getloadavg()[0], "versions": versions}


def tables(results: Results) -> str:
    """Samples per second, then first batches, memory, and the goals."""
    workloads = list(results)
    names = list(dict.fromkeys(name for measured in results.values() for name in measured))
    parts = [_table("samples/s, steady (first epoch)", names, workloads, results, _speed)]
    parts.append(_table("to the first batch, ms", names, workloads, results, _first_batch))
    parts.append(_table("peak memory of the consumer above its start, MiB", names, workloads, results, _peak))
    lines = ["| goal | on | at least | reached | by | over |", "|---|---|---|---|---|---|"]
    for found in standing(results):
        mark = "" if found["met"] else " **not met**"
        lines.append(
            f"| {found['goal']} | {found['workload']} | {found['least']:g} | {found['ratio']:.2f}{mark} "
            f"| {found['ours']} | {found['theirs']} |"
        )
    return "\n\n".join([*parts, "\n".join(lines)])


def _table(title: str, names: list[str], workloads: list[str], results: Results, cell: Any) -> str:
    lines = [f"| {title} | {' | '.join(workloads)} |", "|---" * (len(workloads) + 1) + "|"]
    for name in names:
        cells = [cell(results[workload].get(name)) for workload in workloads]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _speed(result: Any) -> str:
    if result is None:
        return ""
    if "error" in result:
        return "error"
    text = f"{_short(result['steady'])} ({_short(result['first_epoch'])})"
    return text if result["same_batches"] else text + ", other batches"


def _first_batch(result: Any) -> str:
    return f"{1000 * result['first_batch_s']:.1f}" if result and "first_batch_s" in result else ""


def _peak(result: Any) -> str:
    return f"{result['peak_mib']:.0f}" if result and "peak_mib" in result else ""


def _short(number: float) -> str:
    for limit, divisor, unit in ((1e6, 1e6, "M"), (1e3, 1e3, "k")):
        if number >= limit:
            return f"{number / divisor:.3g}{unit}"
    return f"{number:.0f}"
