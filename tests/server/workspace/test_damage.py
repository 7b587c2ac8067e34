"""A run's files flipped and cut at every byte, or something else: the server answers, and says what is damaged."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ailab.experiment.images import as_png
from ailab.experiment.record import reader
from ailab.experiment.record.layout import RunFolder, create_run_folder
from ailab.experiment.record.packing import pack
from ailab.experiment.record.writer import RecordWriter
from ailab_server.workspace import Workspace
from ailab_server.workspace import contents as following
from ailab_server.workspace.cache import SummaryCache

LONG_AGO = 1_700_000_000.0
PNG = as_png(np.zeros((2, 2, 1), np.uint8))


def finished(workspace: Path, experiment: str) -> RunFolder:
    """A run that ended long ago, so that whatever is missing now will never come."""
    folder = create_run_folder(workspace, experiment)
    folder.info.write_text(json.dumps({"schema": 1, "created": LONG_AGO, "user": "ada"}))
    folder.config.write_text(json.dumps({"lr": 0.1}))
    writer = RecordWriter(folder, lambda message, error: pytest.fail(message), clock=lambda: LONG_AGO)
    writer.event("status", state="running")
    for value in (1.0, 2.0):
        writer.scalar("loss", value, None, primary=True)
    (folder.images / "x@0.png").write_bytes(PNG)
    writer.event("image", name="x", step=0, file="x@0.png")
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
            run = json.loads(row, parse_constant=pytest.fail)
            found[run["experiment"]] = run
            run["detail"] = json.loads(followed.detail(run["id"]).model_dump_json(), parse_constant=pytest.fail)
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


def test_an_image_flipped_and_cut_is_handed_on_as_it_is(
    bad: RunFolder, workspace: Path, look: Callable[[], Any]
) -> None:
    """What a picture shows is for the browser to find out; nothing of the run depends on it."""
    run = look()["bad"]
    image = run["detail"]["images"][0]["latest"]["id"]
    followed = Workspace(workspace, None, lambda ids: None, lambda: None)
    followed.follower.look_for_runs()
    followed.follower.poll_runs()
    file = bad.images / "x@0.png"
    for data in [*(data for _, data in flips(PNG)), *(PNG[:length] for length in range(len(PNG)))]:
        file.write_bytes(data)
        assert followed.image(run["id"], image) == data
    file.unlink()
    with pytest.raises(OSError):
        followed.image(run["id"], image)
    assert not look()["bad"]["damaged"]


def mark(data: bytes) -> bytes:
    return b"\xef\xbb\xbf" + data


def wide(data: bytes) -> bytes:
    return data.decode().encode("utf-16")


def twice(data: bytes) -> bytes:
    return data.replace(b"{", b'{"user": "first", "lr": 5, ', 1)


READ = {"user": "ada", "config": {"lr": 0.1}}
UNREAD: dict[str, Any] = {"user": "", "config": {"lr": 0.1}}


@pytest.mark.parametrize(
    ("name", "change", "damaged", "shown"),
    [
        # The standard tells how to know an encoding by its first bytes, so these are read.
        ("info", mark, False, READ),
        ("config", mark, False, READ),
        ("info", wide, False, READ),
        ("config", wide, False, READ),
        # The last one counts, as for most readers of JSON.
        ("info", twice, False, READ),
        ("config", twice, False, {"config": {"user": "first", "lr": 0.1}}),
        ("info", lambda data: b'{"user": "ada", "created": 1e999, "host": NaN}', False, READ),
        ("config", lambda data: b'{"lr": 1e999, "x": NaN}', False, {"config": {"lr": "Infinity", "x": "NaN"}}),
        ("config", lambda data: b'{"lr": -0.0, "x": 9223372036854775808}', False, {"config": {"lr": 0, "x": 2**63}}),
        ("config", lambda data: b'"\\ud800"', False, {"config": "?"}),
        ("config", lambda data: b"[" * 100_000, True, {"config": {}}),
        ("config", lambda data: b"1" * 100_000, True, {"config": {}}),
        ("info", lambda data: b"[]", True, UNREAD),
        ("info", lambda data: b"", True, UNREAD),
        ("info", lambda data: bytes(len(data)), True, UNREAD),
        ("events", mark, True, READ),
        ("events", wide, True, READ),
        ("events", lambda data: bytes(len(data)), True, READ),
        ("events", lambda data: data + b'{"type": "progress", "time": 1e999, "value": 0.5}\n', True, READ),
        ("events", lambda data: data + b'{"type": "progress", "time": 1, "value": 1e999}\n', False, READ),
        ("events", lambda data: data + b'{"type": "progress", "time": 1, "value": 5, "value": 0.5}\n', False, READ),
        ("events", lambda data: data + b"[" * 100_000 + b"\n", True, READ),
        ("events", lambda data: data + b"\xff\n", True, READ),
        ("scalars", lambda data: data + bytes(32), True, READ),
        ("scalars", lambda data: data + pack(99, 0, LONG_AGO, 1.0), True, READ),  # a metric that nobody named
    ],
)
def test_odd_contents(
    bad: RunFolder, look: Callable[[], Any], name: str, change: Callable[[bytes], bytes], damaged: bool,
    shown: dict[str, Any], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    # A run of which no event can be read has half a minute to become one.
    monkeypatch.setattr(reader, "STALE_SECONDS", -1.0)
    file = files(bad)[name]
    file.write_bytes(change(file.read_bytes()))
    run = look()["bad"]
    assert run["damaged"] is damaged
    for key, value in shown.items():
        assert (run["detail"]["config"] if key == "config" else run[key]) == value


@pytest.mark.parametrize("name", ["scalars", "events", "info", "config"])
@pytest.mark.parametrize("what", ["pipe", "link", "loop", "folder", "device"])
def test_what_is_no_file(bad: RunFolder, look: Callable[[], Any], tmp_path: Path, name: str, what: str) -> None:
    file = files(bad)[name]
    kept = tmp_path / "kept"
    file.rename(kept)
    match what:
        case "pipe":
            os.mkfifo(file)
        case "link":
            file.symlink_to(kept)
        case "loop":
            file.symlink_to(file)
        case "folder":
            file.mkdir()
        case "device":
            if os.geteuid() != 0:
                pytest.skip("only root makes devices")
            os.mknod(file, 0o20666, os.makedev(1, 5))  # /dev/zero
    run = look()["bad"]
    # Without its events nobody knows that the run is over, and what is not there may still come.
    assert run["damaged"] or name == "events"


DAMAGES = st.lists(
    st.tuples(
        st.sampled_from(["scalars", "events", "info", "config"]),
        st.sampled_from(["flip", "cut", "insert", "repeat", "zero", "drop"]),
        st.floats(0, 1),
        st.binary(min_size=1, max_size=40),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DAMAGES)
def test_any_damage_at_all(
    bad: RunFolder, look: Callable[[], Any], damages: list[tuple[str, str, float, bytes]]
) -> None:
    good = {name: (file, file.read_bytes()) for name, file in files(bad).items()}
    now = {name: data for name, (_, data) in good.items()}
    for name, how, place, more in damages:
        data = now[name]
        at = round(place * len(data))
        now[name] = {
            "flip": bytes([*data[:at], *(byte ^ more[0] for byte in data[at : at + 1]), *data[at + 1 :]]),
            "cut": data[:at],
            "insert": data[:at] + more + data[at:],
            "repeat": data[:at] + data[at // 2 :],
            "zero": data[:at] + bytes(len(data[at : at + 40])) + data[at + 40 :],
            "drop": data[at // 2 : at],
        }[how]
    try:
        for name, data in now.items():
            good[name][0].write_bytes(data)
        look()  # which sees to it that the other run is as it was
    finally:
        for file, data in good.values():
            file.write_bytes(data)


def test_a_live_run_is_not_called_damaged_for_what_may_still_come(workspace: Path, look: Callable[[], Any]) -> None:
    finished(workspace, "good")
    folder = create_run_folder(workspace, "bad")
    folder.info.write_text(json.dumps({"created": time.time()}))
    writer = RecordWriter(folder, lambda message, error: pytest.fail(message))
    writer.event("status", state="running")
    for value in (1.0, 2.0):
        writer.scalar("loss", value, None, primary=True)
    writer.close()
    for name in ("scalars", "events"):
        file = files(folder)[name]
        whole = file.read_bytes()
        for length in range(len(whole)):
            file.write_bytes(whole[:length])
            run = look()["bad"]
            assert (run["state"], run["damaged"]) == ("running", False)
        file.write_bytes(whole)


def test_a_hundred_thousand_metrics_and_a_name_of_a_megabyte(workspace: Path) -> None:
    finished(workspace, "good")
    flood = create_run_folder(workspace, "flood")
    flood.info.write_text("{}")
    count, now = 100_000, time.time() + 600  # however long a busy machine takes to read it, it is no old run
    lines = [{"type": "metric", "time": now, "id": number, "name": f"m{number}"} for number in range(count)]
    lines[0]["name"] = "n" * 2**20
    (flood.streams / "w.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (flood.streams / "w.scalars").write_bytes(b"".join(pack(number, 0, now, 1.0) for number in range(count)))
    followed = Workspace(workspace, None, lambda ids: None, lambda: None)
    followed.follower.look_for_runs()
    followed.follower.poll_runs()
    runs = {run.experiment: run for run in followed.summaries()}
    assert (runs["good"].state, runs["flood"].state, runs["flood"].damaged) == ("finished", "running", False)
    detail = followed.detail(runs["flood"].id)
    assert len(detail.metrics) == 10_000
    assert max(len(metric.name) for metric in detail.metrics) == 10_000
    assert len(detail.model_dump_json()) < 4 * 2**20


def test_readers_of_runs_with_very_many_metrics_are_not_kept(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_RECENT_METRICS", 100)
    for number in range(5):
        folder = finished(workspace, f"many{number}")
        lines = [{"type": "metric", "time": LONG_AGO, "id": id, "name": f"m{id}"} for id in range(40)]
        (folder.streams / "flood.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    followed = Workspace(workspace, None, lambda ids: None, lambda: None)
    followed.follower.look_for_runs()
    followed.follower.poll_runs()
    for run in followed.summaries():
        assert len(followed.detail(run.id).metrics) == 41
        assert sum(len(reader.metrics) for _, reader in followed.contents._recent.values()) <= 100
    assert len(followed.contents._recent) == 2


def test_a_real_server_among_hundreds_of_damaged_runs(
    workspace: Path, start_server: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    """Each with another byte flipped, or cut there."""
    finished(workspace, "good")
    template = finished(workspace, "template")
    expected: dict[str, bool] = {}
    for name, file in files(template).items():
        whole = file.read_bytes()
        for at in range(0, len(whole), 11):
            for kind, data in (("flip", whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]), ("cut", whole[:at])):
                run = workspace / "bad" / f"{name}-{kind}-{at}"
                shutil.copytree(template.path, run)
                files(RunFolder(run))[name].write_bytes(data)
                if name == "scalars":
                    expected[run.name] = kind == "flip" or at % 32 != 0
                elif name != "events":
                    expected[run.name] = kind == "cut" or not is_json(data)
    client = start_server().log_in()

    def rows() -> dict[str, Any]:
        return {run["name"]: run for run in client.get("/runs").json()["runs"]}

    found = eventually(lambda: len(now := rows()) == 2 + len(list((workspace / "bad").iterdir())) and now)
    for run in found.values():
        detail = client.get(f"/runs/{run['id']}")
        assert detail.status_code == 200
        json.loads(detail.content, parse_constant=pytest.fail)
        assert client.get(f"/runs/{run['id']}/log").status_code == 200
    ids = [run["id"] for run in found.values()]
    assert client.post("/series", json={"runs": ids, "metrics": ["loss"]}).status_code == 200
    assert {name: found[name]["damaged"] for name in expected} == expected
    good = next(run for run in found.values() if run["experiment"] == "good")
    assert (good["state"], good["damaged"], good["primary"]["last"]) == ("finished", False, 2.0)
