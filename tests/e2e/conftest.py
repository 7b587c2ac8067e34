"""A real server, a real browser, and a record of everything the page asks for."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from e2e_parts import Server, Watched, start_server
from playwright.sync_api import Browser, sync_playwright

from browser import ARGUMENTS, find_browser


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = start_server(tmp_path / "server", tmp_path / "workspace", gpus=[0, 1])
    yield server
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(10)


# For a module and not the session: while Playwright's event loop runs in this thread, other tests cannot run theirs.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no browser on this machine")
        pytest.skip("NO BROWSER on this machine: install Chromium, or set AILAB_BROWSER")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def watched(chromium: Browser, server: Server) -> Iterator[Watched]:
    """A page on the server's address. When the test is over, it must have had no error and asked nobody else."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    watched = Watched(page)
    page.on("console", lambda m: watched.errors.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    page.on("request", lambda request: watched.hosts.add(urlsplit(request.url).netloc))
    page.goto(server.url)
    yield watched
    context.close()
    assert watched.errors == []
    assert watched.hosts - {""} <= {urlsplit(server.url).netloc}
