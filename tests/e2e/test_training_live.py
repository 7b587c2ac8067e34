"""The main job: a training runs while the page is open, and the page shows it live."""

from __future__ import annotations

import re

import pytest
from e2e_parts import Server, Watched
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def number(page: Page, test_id: str, attribute: str) -> float:
    return float(page.get_by_test_id(test_id).first.get_attribute(attribute) or 0)


def wait_for_more(page: Page, selector: str, attribute: str, than: float) -> None:
    page.wait_for_function(
        "([selector, attribute, than]) => Number(document.querySelector(selector)?.getAttribute(attribute)) > than",
        arg=[selector, attribute, than],
        timeout=60_000,
    )


def test_a_training_is_seen_live(server: Server, watched: Watched) -> None:
    page = watched.page
    watched.login(server)
    page.evaluate("window.notReloaded = true")
    expect(page.get_by_test_id("run-row")).to_have_count(0)

    training = server.train("--epochs", "4", script="digits_torch.py")
    try:
        row = page.get_by_test_id("run-row")
        expect(row).to_have_count(1, timeout=60_000)
        expect(row.get_by_test_id("run-state")).to_contain_text("running")

        # The front page: progress moves and the small chart gains points.
        seen = number(page, "run-progress", "aria-valuenow")
        wait_for_more(page, "[data-testid=run-progress]", "aria-valuenow", seen)
        points = number(page, "run-spark", "data-points")
        wait_for_more(page, "[data-testid=run-spark]", "data-points", points)
        expect(row.get_by_test_id("run-primary")).to_contain_text("loss")

        # The run's page: its chart grows too.
        row.get_by_role("link").first.click()
        expect(page.get_by_test_id("run-detail")).to_be_visible()
        chart = "[data-testid=chart][data-metric=loss]"
        wait_for_more(page, chart, "data-points", 0)
        drawn = float(page.locator(chart).first.get_attribute("data-points") or 0)
        wait_for_more(page, chart, "data-points", drawn)
        assert training.wait(120) == 0
    finally:
        if training.poll() is None:
            training.kill()
            training.wait()

    expect(page.get_by_test_id("run-detail").get_by_test_id("run-state").first).to_contain_text(
        "finished", timeout=15_000
    )
    for name in ("ConfusionMatrix", "Misclassified"):
        image = page.locator(f"[data-testid=run-image][data-name={name}] img").first
        image.scroll_into_view_if_needed()
        expect(image).to_have_js_property("complete", True)
        assert image.evaluate("image => image.naturalWidth") > 0
    expect(page.get_by_test_id("run-config").first).to_contain_text("batch_size")
    assert page.evaluate("window.notReloaded") is True
    # Credentials: the password is not kept, and no address carries the token.
    stored = page.evaluate("JSON.stringify(Object.entries(localStorage))")
    assert server.password not in stored
    assert re.search(r"[?&#].*token", page.url) is None


def test_a_queued_task_shows_on_its_gpu(server: Server, watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from ailab.cli import main

    page = watched.page
    watched.login(server)
    expect(page.get_by_test_id("gpu")).to_have_count(2)
    expect(page.get_by_test_id("gpu").first).to_contain_text("free")

    monkeypatch.setenv("AILAB_PASSWORD", server.password)
    connect = ["--server", server.url, "--user", server.user]
    command = ["sh", "-c", "echo on $CUDA_VISIBLE_DEVICES; exec sleep 600"]
    added = CliRunner().invoke(main, ["queue", "add", *connect, "--gpus", "1", "--name", "sleeper", "--", *command])
    assert added.exit_code == 0, added.output
    task = added.output.split()[0]
    expect(page.locator("[data-testid=gpu][data-gpu-id='0']")).to_contain_text("sleeper")
    expect(page.locator("[data-testid=gpu][data-gpu-id='1']")).to_contain_text("free")

    stopped = CliRunner().invoke(main, ["queue", "stop", *connect, task])
    assert stopped.exit_code == 0, stopped.output
    expect(page.locator("[data-testid=gpu][data-gpu-id='0']")).to_contain_text("free", timeout=15_000)
    listed = CliRunner().invoke(main, ["queue", "list", *connect])
    assert task in listed.output and "killed" in listed.output


def test_a_wrong_password_is_explained(server: Server, watched: Watched) -> None:
    page = watched.page
    page.get_by_test_id("add-server").first.click()
    page.get_by_test_id("server-address").fill(server.url)
    page.get_by_test_id("server-user").fill("ada")
    page.get_by_test_id("server-password").fill("guess")
    page.get_by_test_id("server-submit").click()
    expect(page.get_by_test_id("server-error")).to_contain_text(re.compile("password", re.I))
    # Chromium itself reports the 401 in the console; that one is expected.
    watched.errors[:] = [error for error in watched.errors if "401" not in error]


def test_names_from_the_workspace_are_text_not_markup(server: Server, watched: Watched) -> None:
    """Whatever a run calls itself and its metrics, the page shows it and runs nothing."""
    import ailab.experiment.logging as log
    from ailab.experiment import Config

    evil = "<img src=x onerror=window.hacked=1>"
    config = Config()
    config.train.experiment_name = "img src=x onerror=window.hacked=1"
    config.problem.note = evil
    for name in ("model", "loss", "metrics", "prepare"):
        setattr(config.arch, name, print)
    log.setup(config=config, workspace=server.workspace, snapshot=False, capture_output=False)
    log.log_value(evil.replace("/", ""), 1.0, primary=True)
    log.log_value("__proto__", 2.0)
    page = watched.page
    watched.login(server)
    row = page.get_by_test_id("run-row")
    expect(row.get_by_test_id("run-primary")).to_contain_text("<img")
    row.get_by_role("link").first.click()
    expect(page.get_by_test_id("chart")).to_have_count(2)
    expect(page.get_by_test_id("run-config").first).to_contain_text("onerror")
    assert page.evaluate("window.hacked") is None
