"""I/O errors where and when they are wanted, by libfiu."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

EIO, ENOSPC = 5, 28


@pytest.mark.parametrize("probability", [0.3, 1.0])
@pytest.mark.parametrize(
    ("point", "error"),
    [
        ("posix/io/sync/fsync", EIO),
        ("posix/io/rw/write", EIO),
        ("posix/io/rw/write", ENOSPC),
        ("posix/io/rw/write/reduce", 0),
        ("posix/io/oc/open", EIO),
    ],
)
def test_errors_that_pass_lose_nothing(
    train: Callable[..., Any], fiu: Sequence[str], tmp_path: Path, point: str, error: int, probability: float
) -> None:
    training = train(tmp_path, under=fiu)
    training.tell("log", count=100)
    training.inject(f"enable_random name={point},probability={probability},failinfo={error}")
    training.tell("log", count=2000)
    time.sleep(1.1)  # the background writer meets it too
    training.tell("text", length=100)
    told = training.tell("log", count=2000)
    training.inject(f"disable name={point}")
    said = training.tell("finish")["said"]
    assert training.end() == 0
    reader = training.reader()
    assert reader.values("loss")["value"].tolist() == [float(i) for i in range(told["values"])]
    assert (reader.state, reader.damaged) == ("finished", False)
    assert not any("lost" in message for message in said)
    # Each kind of trouble once for each file, not once for each value.
    assert len(said) <= 8, said
    if probability == 1.0 and error and "open" not in point:  # what is open stays so, and needs no other
        assert any(os.strerror(error) in message for message in said)


@pytest.mark.parametrize("point", ["posix/io/rw/write", "posix/io/sync/fsync"])
def test_errors_that_stay_end_no_training(
    train: Callable[..., Any], fiu: Sequence[str], tmp_path: Path, point: str
) -> None:
    training = train(tmp_path, under=fiu)
    training.tell("log", count=100)
    training.inject(f"enable name={point},failinfo={EIO}")
    training.tell("log", count=2000)
    training.tell("image")
    told = training.tell("log", count=1)
    said = training.tell("finish")["said"]
    assert training.end() == 0
    values = training.reader().values("loss")["value"].tolist()
    if "fsync" in point:  # the kernel has them; whether the disk does, it would not say
        assert values == [float(i) for i in range(told["values"])]
    else:
        assert values == [float(i) for i in range(100)]
        assert any("bytes of values and events were lost" in message for message in said)
    assert any("Input/output error" in message for message in said)


def test_a_disk_that_takes_some_writes_has_everything_in_the_end(
    train: Callable[..., Any], fiu: Sequence[str], tmp_path: Path
) -> None:
    """Of all writes two fifths fail, until after the end."""
    for _ in range(2):
        training = train(tmp_path, under=fiu)
        training.inject(f"enable_random name=posix/io/rw/write,probability=0.4,failinfo={EIO}")
        told = training.tell("log", count=1000)
        said = training.tell("finish")["said"]
        assert training.end() == 0
        reader = training.reader()
        assert reader.values("loss")["value"].tolist() == [float(i) for i in range(told["values"])]
        assert reader.state == "finished"
        assert not any("values and events were lost" in message for message in said)


def test_a_server_that_cannot_read_for_a_while_answers_and_then_knows_everything(
    train: Callable[..., Any], fiu: Sequence[str], tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    trainings = [train(workspace) for _ in range(3)]
    for training in trainings:
        training.tell("log", count=1000)
    config, ready = tmp_path / "c.json", tmp_path / "ready.json"
    under_fiu = Path(__file__).with_name("under_fiu.py")  # without it libfiu has the server crash as it ends
    config.write_text(json.dumps({"workspace": str(workspace), "users": {"ada": "secret"}, "port": 0}))
    config.chmod(0o600)
    with (tmp_path / "server.log").open("wb") as output:
        server = subprocess.Popen(
            [*fiu, sys.executable, str(under_fiu), "ailab_server", str(config), "--ready-file", str(ready)],
            stdout=output, stderr=output,
        )  # fmt: skip
    try:
        end = time.monotonic() + 30
        while not ready.exists():
            assert server.poll() is None and time.monotonic() < end, (tmp_path / "server.log").read_text()
            time.sleep(0.02)
        with httpx.Client(base_url=json.loads(ready.read_text())["url"] + "/api/v1", trust_env=False) as client:
            token = client.post("/login", json={"user": "ada", "password": "secret"}).json()["token"]
            client.headers["Authorization"] = f"Bearer {token}"
            ids = [run["id"] for run in client.get("/runs").json()["runs"]]
            assert len(ids) == 3
            for path in ("", "/series?metric=loss&points=4", "/log"):  # so that what is imported late is there
                assert client.get(f"/runs/{ids[0]}{path}").status_code == 200
            points = ["posix/io/oc/open", "posix/io/rw/pread", "posix/io/dir/readdir"]
            fail = [f"enable_random name={point},probability=0.5,failinfo={EIO}" for point in points]
            words = [word for command in fail for word in ("-c", command)]
            subprocess.run(["fiu-ctrl", *words, str(server.pid)], check=True, timeout=30)
            end = time.monotonic() + 2.5
            while time.monotonic() < end:
                for training in trainings:
                    training.tell("log", count=100)
                assert len(client.get("/runs").json()["runs"]) == 3
                for id in ids:
                    for path in ("", "/series?metric=loss", "/log"):
                        assert client.get(f"/runs/{id}{path}").status_code in (200, 503), path
            words = [word for point in points for word in ("-c", f"disable name={point}")]
            subprocess.run(["fiu-ctrl", *words, str(server.pid)], check=True, timeout=30)
            told = [training.tell("finish")["values"] for training in trainings]
            end = time.monotonic() + 15
            while True:
                details = [client.get(f"/runs/{id}").json() for id in ids]
                counts = sorted(detail["metrics"][0]["count"] for detail in details)
                states = {(detail["summary"]["state"], detail["summary"]["damaged"]) for detail in details}
                if counts == sorted(told) and states == {("finished", False)}:
                    break
                assert time.monotonic() < end, (counts, told, states)
                time.sleep(0.05)
    finally:
        server.terminate()
        assert server.wait(10) == 0
    assert "Traceback" not in (tmp_path / "server.log").read_text()
