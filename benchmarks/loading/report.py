"""Results as tables in Markdown, and what they were measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from loading.goals import Results, limits, standing
from machine import machine as hardware

__all__ = ["about", "machine", "tables"]

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


def tables(results: Results) -> dict[str, str]:
    """By name: samples per second, first batches, memory, and the goals; Keras' loaders in tables of their own."""
    found = {}
    for name, title, cell in (
        ("speed", "samples/s, steady (first epoch)", _speed),
        ("first batch", "to the first batch, ms", _first_batch),
        ("memory", "peak memory of the consumer above its start, MiB", _peak),
    ):
        found[name] = _table(title, results, False, cell)
        found[f"{name} in fit"] = _table(title, results, True, cell)
    return {**found, "goals": _goals(results), "limits": _limits(results)}


def about(results: dict[str, Any]) -> str:
    """The machine and the versions in a line."""
    machine = results["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    load = f"load {machine['load_before']:.1f} before" + (
        f", {after:.1f} after" if (after := results.get("load_after")) is not None else ""
    )
    return (
        f"{machine['cores']} × {machine['cpu']}, {machine['memory_gib']} GiB, {machine['system']}; {versions}; {load}."
    )


def _goals(results: Results) -> str:
    return _judged(
        "at least | reached | by | over",
        standing(results),
        lambda one: (f"{one['least']:g}", f"{one['ratio']:.2f}", one["ours"], one["theirs"]),
    )


def _limits(results: Results) -> str:
    return _judged(
        "bound | reached | by | bound is",
        limits(results),
        lambda one: (
            f"{'≤' if one['most'] else '≥'} {one['bound']:.3g}",
            f"{one['reached']:.3g}",
            one["ours"],
            one["theirs"] or "the goal",
        ),
    )


def _judged(
    head: str, found: list[dict[str, Any]], cells: Callable[[dict[str, Any]], tuple[str, str, str, str]]
) -> str:
    lines = [f"| goal | on | {head} |", "|---|---|---|---|---|---|"]
    for one in found:
        asked, reached, ours, theirs = cells(one)
        mark = "" if one["met"] else " **not met**"
        lines.append(f"| {one['goal']} | {one['workload']} | {asked} | {reached}{mark} | {ours} | {theirs} |")
    return "\n".join(lines) if found else ""


def _table(title: str, results: Results, fit: bool, cell: Any) -> str:
    """Only what was measured, within ``fit`` or by iterating; empty if nothing was."""
    names = dict.fromkeys(name for measured in results.values() for name in measured if ("keras" in name) == fit)
    workloads = [workload for workload, measured in results.items() if not names.keys().isdisjoint(measured)]
    lines = [f"| {title} | {' | '.join(workloads)} |", "|---" * (len(workloads) + 1) + "|"]
    for name in names:
        cells = [cell(results[workload].get(name)) for workload in workloads]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) if names else ""


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
