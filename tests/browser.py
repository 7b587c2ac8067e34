"""A real browser for the end-to-end tests.

An installed Chromium or Chrome, else Playwright's, else Debian's package when we may install it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
)

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_browser() -> str | None:
    """The path of a Chromium-like browser on this machine, or None."""
    chosen = os.environ.get("AILAB_BROWSER")
    if chosen:
        return chosen
    for name in NAMES:
        if found := shutil.which(name):
            return found
    for place in PLACES:
        if Path(place).exists():
            return place
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def _try(*command: str) -> None:
    print("$", " ".join(command), flush=True)
    try:
        subprocess.run(command, check=False, timeout=600, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error, flush=True)


def make_sure() -> int:
    """Install a browser if there is none; returns an exit status."""
    found = find_browser()
    if found is None:
        _try(sys.executable, "-m", "playwright", "install", "chromium")
        found = find_browser()
    if found is None and shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        _try("apt-get", "update", "-q")
        _try("apt-get", "install", "-q", "-y", "--no-install-recommends", "chromium")
        found = find_browser()
    if found is not None:
        print("browser:", found)
        return 0
    print(
        "\n" + "!" * 80 + "\n"
        "NO BROWSER: the end-to-end tests will be SKIPPED. Install Chromium or Chrome, or set\n"
        "AILAB_BROWSER to one. With CI=true this is a failure.\n" + "!" * 80,
        file=sys.stderr,
    )
    return 1 if os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(make_sure())
