"""What someone may have put into the workspace to harm the server, or the browser behind it."""

from __future__ import annotations

import pickle
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


class Canary:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


def opened(start_app: Callable[..., Any], eventually: Callable[..., Any]) -> tuple[Any, str]:
    """An app, and the id of the workspace's only run."""
    app = start_app()
    return app, eventually(lambda: app.client.get("/runs").json()["runs"])[0]["id"]


def test_the_canary_works(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Canary(tmp_path / "canary")))  # noqa: S301 - that is the point
    assert (tmp_path / "canary").exists()


def test_nothing_is_ever_unpickled(
    start_app: Callable[..., Any], new_run: Callable[..., Any], eventually: Callable[..., Any], tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    content = pickle.dumps(Canary(canary), protocol=0)
    run = new_run()
    run.image("figure", content)
    (run.path / "checkpoints").mkdir(exist_ok=True)
    for name in ("config.json", "run.json", "output.log", "checkpoints/model.pkl", "streams/x.npy", "streams/x.pkl"):
        (run.path / name).write_bytes(content)
    for name in ("evil.scalars", "evil.jsonl"):
        (run.path / "streams" / name).write_bytes(content)
    app, id = opened(start_app, eventually)
    detail = app.client.get(f"/runs/{id}").json()
    for path in ("", "/log", "/series?metric=loss", *(f"/images/{i['latest']['id']}" for i in detail["images"])):
        app.client.get(f"/runs/{id}{path}")
    assert not canary.exists()


@pytest.mark.parametrize(
    "content",
    [b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', b"<html><script>alert(1)</script>",
     b"\xff\xd8\xff\xe0 a JPEG", b"GIF89a<script>", b""],
)  # fmt: skip
def test_what_is_no_png_is_a_download_that_runs_nothing(
    start_app: Callable[..., Any], new_run: Callable[..., Any], eventually: Callable[..., Any], content: bytes
) -> None:
    new_run().image("figure", content)
    app, id = opened(start_app, eventually)
    image = app.client.get(f"/runs/{id}").json()["images"][0]["latest"]["id"]
    answer = app.client.get(f"/runs/{id}/images/{image}")
    assert answer.content == content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def bomb() -> bytes:
    """A PNG of 60,000 x 60,000 pixels in under half a megabyte."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = b"\0" * 7501
    pixels = b"".join(packer.compress(row) for _ in range(60_000)) + packer.flush()
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_an_image_bomb_is_passed_on_and_never_unpacked(
    start_app: Callable[..., Any], new_run: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    content = bomb()
    assert len(content) < 2**19
    new_run().image("figure", content)
    app, id = opened(start_app, eventually)
    image = app.client.get(f"/runs/{id}").json()["images"][0]["latest"]["id"]
    assert app.client.get(f"/runs/{id}/images/{image}").content == content


def test_the_server_has_nothing_that_unpacks_images_or_pickles() -> None:
    code = (
        "import sys, ailab_server.serve, ailab_server.scheduler.local\n"
        "print([m for m in ('PIL', 'matplotlib', 'tarfile', 'torch', 'yaml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    source = Path(__file__).parents[3] / "packages" / "ailab-server" / "src"
    for file in source.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        for word in ("pickle", "marshal.", "shelve", "eval(", "exec(", "os.system", "shell=True", "zipfile", "tarfile"):
            assert word not in text, f"{file.name}: {word}"


def test_a_flood_of_metrics_and_endless_names_are_cut(
    start_app: Callable[..., Any], new_run: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    run = new_run(host="h" * 2**20, config={"k" * 2**20: "v" * 2**20})
    for number in range(10_500):
        run.value(f"metric{number}", 1.0)
    run.end("failed", error="e" * 2**20, traceback="t" * 2**20)
    app, id = opened(start_app, eventually)
    listed = app.client.get("/runs")
    assert len(listed.content) < 100_000
    detail = app.client.get(f"/runs/{id}")
    assert len(detail.content) < 8 * 2**20
    assert len(detail.json()["metrics"]) == 10_000
