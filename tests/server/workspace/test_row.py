"""The rows of the list are what their model says."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ailab.experiment.record import RunReader
from ailab_server.models import RunSummary
from ailab_server.workspace import row


def row_of(folder: Path, relative: str = "an experiment/a run") -> row.Row:
    reader = RunReader(folder)
    reader.poll()
    return row.of_run(reader, row.run_id(relative), relative, 1e9, 7)


def check(found: row.Row) -> dict[str, Any]:
    """Byte for byte what the model would write, with the same beside it."""
    model = RunSummary.model_validate_json(found.json, strict=True)
    assert model.model_dump_json().encode() == found.json
    assert found[1:] == (model.created, model.revision, model.state, model.task, model.damaged)
    assert list(RunSummary.model_fields)[-1] == "revision"
    loaded: dict[str, Any] = json.loads(found.json)
    return loaded


@pytest.mark.parametrize("values", [[], [1.0], [1e-7, 1e22, 0.1 + 0.2, -0.0], [math.nan, 2.0, math.inf]])
def test_a_row_is_the_json_of_a_summary(new_run: Callable[..., Any], values: list[float]) -> None:
    run = new_run(task="t", host="\ud800gp\u00fc", user="a" * 300)
    for value in values:
        run.value("loss", value, primary=True)
    run.writer.event("progress", value=1)
    run.end("failed", error="Error:\n \U0001f642 " + "x" * 600)
    found = check(row_of(run.path, "exp\udcff/na\u20acme"))
    if values:
        assert found["primary"]["values"] == [value if math.isfinite(value) else None for value in values]
        assert found["primary"]["last"] in (values[-1], "Infinity")
    else:
        assert found["primary"] is None


def test_a_live_run_has_a_row(new_run: Callable[..., Any]) -> None:
    run = new_run()
    run.value("loss", 1.0, 2**62, primary=True)
    run.writer.event("progress", value=0.25)
    primary = check(row_of(run.path))["primary"]
    assert (primary["step"], primary["steps"]) == (2**53, [2**53])


def test_a_run_that_cannot_be_read_has_a_row() -> None:
    assert check(row.unreadable("0" * 20, "a/b", 12.5, 3))["damaged"] is True


def test_a_row_gets_another_revision(new_run: Callable[..., Any]) -> None:
    run = new_run()
    found = row_of(run.path)
    again = row.renumbered(found.json, 7, 1_750_000_000_123)
    assert json.loads(again) == json.loads(found.json) | {"revision": 1_750_000_000_123}
    with pytest.raises(ValueError, match="revision"):
        row.renumbered(found.json, 17, 8)
