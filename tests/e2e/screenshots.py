"""Take the README's pictures of real trainings: ``nox -s screenshots``."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from e2e_parts import EXAMPLES, Watched, start_server
from playwright.sync_api import sync_playwright

from ailab.client import Client
from browser import ARGUMENTS, find_browser

TARGET = Path(__file__).parents[2] / "docs" / "images"


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        # The pictures show commands as a user types them, not where this machine keeps its Python.
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        server = start_server(Path(scratch) / "server", Path(scratch) / "experiments", gpus=[0, 1])
        try:
            server.train("--epochs", "12", script="digits_torch.py").wait()
            server.train("--epochs", "6", "--seed", "1", script="digits_torch.py").wait()
            server.train("--seed", "-1", script="digits_torch.py").wait()  # fails
            browser = playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
            page = browser.new_context(viewport={"width": 1280, "height": 520}, device_scale_factor=1.5).new_page()
            page.goto(server.url)
            Watched(page).login(server)
            command = ["python", "digits_torch.py", "--seed"]
            with Client(server.url, server.user, server.password) as client:
                for seed in (2, 3):
                    client.add_task([*command, str(seed)], str(EXAMPLES), gpus=1, name=f"digits seed {seed}")
                client.add_task([*command, "4"], str(EXAMPLES), gpus=2, name="digits seed 4")
                page.wait_for_function(
                    "() => [...document.querySelectorAll('[data-testid=run-progress]')].filter("
                    "bar => bar.ariaValueNow > 35 && bar.ariaValueNow < 99).length >= 2",
                    timeout=300_000,
                )
                page.screenshot(path=TARGET / "front.png")
                for task in client.tasks():
                    client.stop_task(task["id"])
            finished = page.get_by_test_id("run-row").filter(has_text="finished").last
            finished.get_by_role("link").first.click()
            page.set_viewport_size({"width": 1280, "height": 1080})
            image = page.locator("[data-testid=run-image] img").first
            image.scroll_into_view_if_needed()
            image.evaluate("image => image.decode()")
            page.wait_for_function(
                "() => [...document.querySelectorAll('[data-testid=chart]')].every(c => c.dataset.points > 1)"
            )
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=TARGET / "run.png")
            browser.close()
        finally:
            server.process.terminate()
            server.process.wait(15)


if __name__ == "__main__":
    main()
