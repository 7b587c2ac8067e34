"""The benchmark's workspaces are what the real writer writes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ailab.experiment.record import RunReader, scalars

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "serving"]:
        del sys.modules[name]


def test_generated_records_are_byte_for_byte_those_of_the_writer(tmp_path: Path) -> None:
    from serving.workspaces import make_run

    make_run(tmp_path / "run", 3, 50, ("loss", "accuracy"))
    (file,) = (tmp_path / "run" / "streams").glob("*.scalars")
    data = file.read_bytes()
    records = np.frombuffer(data, scalars.RECORD)
    packed = [scalars.pack(int(r["metric"]), int(r["step"]), float(r["time"]), float(r["value"])) for r in records]
    assert b"".join(packed) == data


def test_a_generated_run_is_read_as_a_finished_one(tmp_path: Path) -> None:
    from serving.workspaces import Shape, make_workspace

    make_workspace(tmp_path, Shape(3, 7, ("loss", "accuracy")))
    runs = sorted((tmp_path / "experiment00").iterdir())
    assert len(runs) == 3
    for run in runs:
        reader = RunReader(run)
        reader.poll()
        assert (reader.state, reader.damaged, reader.progress) == ("finished", False, 1.0)
        assert [(m.name, m.primary, m.count) for m in reader.metrics.values()] == [
            ("loss", True, 7),
            ("accuracy", False, 7),
        ]
        assert json.loads((run / "run.json").read_text())["schema"] == 1
