"""``ailab plugins``: which plugins are active, and which could not be loaded."""

from __future__ import annotations

import json
import os
import warnings
from importlib import metadata
from typing import Any

import click

from ailab.plugins import GROUP, create_manager, failures

__all__ = ["plugins"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plugins(as_json: bool) -> None:
    """List the installed plugins, the hooks they implement, and what failed to load.

    Set AILAB_DISABLED_PLUGINS=name,name to leave plugins out.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the failures are listed below
        manager = create_manager()
    failed = failures(manager)
    rows: list[dict[str, Any]] = []
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda e: e.name):
        plugin = manager.get_plugin(entry.name)
        if plugin is not None:
            hooks = sorted(caller.name for caller in manager.get_hookcallers(plugin) or [])
            row: dict[str, Any] = {"state": "active", "hooks": hooks}
        elif entry.name in failed:
            row = {"state": "failed", "reason": failed[entry.name]}
        else:
            row = {
                "state": "disabled",
                "reason": f"AILAB_DISABLED_PLUGINS={os.environ.get('AILAB_DISABLED_PLUGINS', '')}",
            }
        version = entry.dist.version if entry.dist is not None else None
        rows.append({"name": entry.name, "module": entry.value, "version": version, **row})
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['name']:<12} {row['state']:<9} {row['module']} {row['version'] or ''}")
        for line in row.get("hooks") or [row.get("reason", "no hooks")]:
            click.echo(f"{'':<12} {line}")
