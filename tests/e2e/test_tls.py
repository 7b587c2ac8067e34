"""Encrypted servers in a real browser: what works, and what a user is told where it does not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e_parts import PASSWORD, Server, start_server
from playwright.sync_api import Browser, Error, Page, expect

from browser import ARGUMENTS, find_browser


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start a server whose workspace holds one run named after it."""
    started: list[Server] = []

    def one(name: str, **settings: object) -> Server:
        folder = tmp_path / name
        settings = {"tls": "auto", "state_dir": str(folder / "state"), **settings}
        server = start_server(folder, folder / "workspace", **settings)
        run = folder / "workspace" / name / "run1"
        (run / "streams").mkdir(parents=True)
        (run / "run.json").write_text('{"schema": 1}')
        started.append(server)
        return server

    yield one
    for server in started:
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 0


@pytest.fixture
def page_of(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open a server's page; ``accepted``: the user has clicked the warning away."""
    contexts = []

    def open_page(url: str | None = None, accepted: bool = False) -> Page:
        context = chromium.new_context(ignore_https_errors=accepted)
        contexts.append(context)
        page = context.new_page()
        if url is not None:
            page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()


def add(page: Page, server: Server) -> None:
    page.get_by_test_id("add-server").first.click()
    page.get_by_test_id("server-address").fill(server.url)
    page.get_by_test_id("server-user").fill("ada")
    page.get_by_test_id("server-password").fill(PASSWORD)
    page.get_by_test_id("server-submit").click()


def expect_run(page: Page, name: str) -> None:
    expect(page.get_by_test_id("run-row").filter(has_text=name)).to_be_visible(timeout=20_000)


def test_an_unknown_ca_is_a_warning_that_stops_the_page(
    start: Callable[..., Server], page_of: Callable[..., Page]
) -> None:
    server = start("gpu1")
    page = page_of()
    with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
        page.goto(server.url)


def test_a_page_says_what_to_do_about_a_server_with_an_unknown_ca(
    start: Callable[..., Server], page_of: Callable[..., Page]
) -> None:
    plain, encrypted = start("gpu1", tls=False), start("gpu2")
    page = page_of(plain.url)
    add(page, encrypted)
    said = page.get_by_test_id("server-error")
    expect(said).to_contain_text("cannot be reached")
    expect(said).to_contain_text("ailab-server trust")


def test_once_accepted_everything_works_over_https_and_from_page_to_page(
    start: Callable[..., Server], page_of: Callable[..., Page]
) -> None:
    first, second, plain = start("gpu1"), start("gpu2"), start("gpu3", tls=False)
    page = page_of(first.url, accepted=True)
    # Its own server, another encrypted one, and plain http by IP address.
    for server, name in ((first, "gpu1"), (second, "gpu2"), (plain, "gpu3")):
        add(page, server)
        expect_run(page, name)
    page = page_of(plain.url, accepted=True)
    add(page, second)
    expect_run(page, "gpu2")


def test_http_to_an_encrypted_port_is_told_what_to_type(
    start: Callable[..., Server], page_of: Callable[..., Page]
) -> None:
    encrypted, plain = start("gpu1"), start("gpu2", tls=False)
    wrong = encrypted.url.replace("https:", "http:")
    page = page_of(wrong)
    expect(page.locator("body")).to_contain_text("write https:// instead of http://")
    # From a page it never gets as far as sending the password in the clear.
    page = page_of(plain.url)
    encrypted.url = wrong
    add(page, encrypted)
    expect(page.get_by_test_id("server-error")).to_contain_text("https:// in front")


@pytest.mark.skipif(shutil.which("certutil") is None, reason="needs NSS's certutil (libnss3-tools)")
@pytest.mark.skipif(sys.platform != "linux", reason="browsers elsewhere ask the system")
def test_after_trust_the_browser_shows_no_warning(
    start: Callable[..., Server], chromium: Browser, tmp_path: Path
) -> None:
    server = start("gpu1")
    environment = {**os.environ, "HOME": str(tmp_path / "home")}
    ca = tmp_path / "gpu1" / "state" / "tls" / "ca.pem"
    command = [sys.executable, "-m", "ailab_server", "trust", str(ca), "--yes"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    fresh = chromium.browser_type.launch(executable_path=find_browser(), args=ARGUMENTS, env=environment)
    try:
        page = fresh.new_page()
        page.goto(server.url)
        add(page, server)
        expect_run(page, "gpu1")
    finally:
        fresh.close()
