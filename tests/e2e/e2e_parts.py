"""What the end-to-end tests are made of: a server process, and a page that is watched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Page

PASSWORD = "correct horse"
EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass
class Server:
    """An ailab-server process of this test."""

    url: str
    workspace: Path
    process: subprocess.Popen[bytes]
    user: str = "ada"
    password: str = PASSWORD

    def train(self, *arguments: str, script: str) -> subprocess.Popen[bytes]:
        """Start one of the examples in this server's workspace."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.Popen(
            ["python", script, *arguments],
            cwd=EXAMPLES,
            env={**os.environ, "AILAB_WORKSPACE": str(self.workspace), "MPLBACKEND": "Agg", "PATH": path},
        )


@dataclass
class Watched:
    """A page, and what it did."""

    page: Page
    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def login(self, server: Server) -> None:
        """Add the server through the dialog, as a user does."""
        self.page.get_by_test_id("add-server").first.click()
        self.page.get_by_test_id("server-address").fill(server.url)
        self.page.get_by_test_id("server-user").fill(server.user)
        self.page.get_by_test_id("server-password").fill(server.password)
        self.page.get_by_test_id("server-submit").click()
        self.page.get_by_test_id("server-password").wait_for(state="hidden")


def start_server(folder: Path, workspace: Path, **settings: object) -> Server:
    workspace.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    config, ready = folder / "config.json", folder / "ready.json"
    keys = {"host": "127.0.0.1", "port": 0, "users": {"ada": PASSWORD}, "workspace": str(workspace), **settings}
    config.touch(0o600)
    config.write_text(json.dumps(keys))
    command = [sys.executable, "-m", "ailab.visualization", str(config), "--ready-file", str(ready)]
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 60
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"the server did not start: {log.read_text()}")
        time.sleep(0.02)
    return Server(json.loads(ready.read_text())["url"], workspace, process)
