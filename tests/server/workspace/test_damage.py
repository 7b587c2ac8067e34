"""A run's files flipped and cut at every byte: the server answers, and says what is damaged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ailab.experiment.record.layout import RunFolder, create_run_folder
from ailab.experiment.record.writer import RecordWriter
from ailab_server.workspace import Workspace
from ailab_server.workspace.cache import SummaryCache

LONG_AGO = 1_700_000_000.0


def finished(workspace: Path, experiment: str) -> RunFolder:
    """A run that ended long ago, so that whatever is missing now will never come."""
    folder = create_run_folder(workspace, experiment)
    folder.info.write_text(json.dumps({"schema": 1, "created": LONG_AGO, "user": "ada"}))
    folder.config.write_text(json.dumps({"lr": 0.1}))
    writer = RecordWriter(folder, lambda message, error: pytest.fail(message), clock=lambda: LONG_AGO)
    writer.event("status", state="running")
    for value in (1.0, 2.0):
        writer.scalar("loss", value, None, primary=True)
    writer.event("status", state="finished")
    writer.close()
    return folder


@pytest.fixture
def look(workspace: Path, tmp_path: Path) -> Callable[[], dict[str, dict[str, Any]]]:
    """What a server says that has just started, with a cache that knows the files as they were before."""
    cache = SummaryCache(tmp_path / "cache", workspace)

    def answers() -> dict[str, dict[str, Any]]:
        followed = Workspace(workspace, None, lambda ids: None, lambda: None, cache)
        followed.follower.look_for_runs()
        followed.follower.poll_runs()
        found = {}
        for row in followed.rows():
            run = json.loads(row)
            found[run["experiment"]] = run
            followed.detail(run["id"]).model_dump_json()
            run["series"] = [
                values.tolist() for _, _, values in followed.parts([run["id"]], ["loss"], "step", None, None)
            ]
        assert set(found) == {"bad", "good"}
        assert (found["good"]["state"], found["good"]["damaged"]) == ("finished", False)
        assert found["good"]["series"] == [[[0.0, 1.0], [1.0, 2.0]]]
        return found

    return answers


@pytest.fixture
def bad(workspace: Path, look: Callable[[], Any]) -> RunFolder:
    finished(workspace, "good")
    folder = finished(workspace, "bad")
    assert not look()["bad"]["damaged"]
    return folder


def files(folder: RunFolder) -> dict[str, Path]:
    found = {path.suffix: path for path in folder.streams.iterdir()}
    return {"scalars": found[".scalars"], "events": found[".jsonl"], "info": folder.info, "config": folder.config}


def flips(data: bytes) -> Iterator[tuple[int, bytes]]:
    for place in range(len(data)):
        yield place, data[:place] + bytes([data[place] ^ (0x80 if place % 2 else 0x01)]) + data[place + 1 :]


def is_json(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data.decode()), dict)
    except ValueError:
        return False


@pytest.mark.parametrize("name", ["scalars", "events", "info", "config"])
def test_a_flipped_byte(bad: RunFolder, look: Callable[[], Any], name: str) -> None:
    file = files(bad)[name]
    for place, data in flips(file.read_bytes()):
        file.write_bytes(data)
        run = look()["bad"]
        if name == "scalars":
            assert run["damaged"], place
            assert len(run["series"][0][0]) == place // 32
        else:
            lines = data.split(b"\n")[:-1] if name == "events" else [data]
            if not all(map(is_json, lines)) or (name == "events" and not data.endswith(b"\n")):
                assert run["damaged"], (place, data)


@pytest.mark.parametrize("name", ["scalars", "events", "info", "config"])
def test_a_file_that_was_cut(bad: RunFolder, look: Callable[[], Any], name: str) -> None:
    file = files(bad)[name]
    good = file.read_bytes()
    for length in range(len(good)):
        file.write_bytes(good[:length])
        run = look()["bad"]
        if name == "scalars":
            whole = length % 32 == 0
        elif name == "events":
            if b"\n" not in good[:length]:
                continue  # no event, no time: for half a minute that is a run which just began
            # The numbers of a metric that has no name any more count as damage too.
            whole = good[:length].endswith(b"\n") and good[:length].count(b'"metric"') == 1
        else:
            whole = False
        assert run["damaged"] != whole, length
