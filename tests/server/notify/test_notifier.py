from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ailab.plugins import hookimpl
from ailab_server.config.parts import Notify
from ailab_server.hooks import server_manager
from ailab_server.notify import deliver as module
from ailab_server.notify.deliver import deliver, try_out
from ailab_server.notify.notifier import Notifier
from ailab_server.notify.watch import Notification
from ailab_server.notify.webhook import DeliveryError


def told(text: str) -> Notification:
    return Notification("failed", None, text)  # type: ignore[arg-type]


def test_what_comes_together_is_sent_together_and_an_error_ends_nothing() -> None:
    sent: list[list[str]] = []
    done = threading.Event()

    def send(batch: Sequence[Notification]) -> None:
        sent.append([notification.text for notification in batch])
        if sum(map(len, sent)) >= 4:
            done.set()
        raise RuntimeError("a plugin's bug")

    notifier = Notifier(send, gather=0.05)
    for text in "abc":
        notifier.put(told(text))
    notifier.start()
    while not sent:
        done.wait(0.01)
    notifier.put(told("d"))
    assert done.wait(10)
    notifier.close()
    assert sent == [["a", "b", "c"], ["d"]]


def test_too_many_are_logged_and_lost(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Notifier, "_MOST", 2)
    notifier = Notifier(lambda batch: None)
    for text in "abc":
        notifier.put(told(text))
    assert "lost: c" in caplog.text
    notifier.close()


def test_closing_waits_for_nobody() -> None:
    import time

    stuck = threading.Event()
    notifier = Notifier(lambda batch: stuck.wait(20) and None, gather=0.0)
    notifier.start()
    notifier.put(told("a"))
    began = time.monotonic()
    notifier.close()
    assert time.monotonic() - began < 1.5
    stuck.set()


def test_a_failing_way_is_tried_three_times_and_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[tuple[str, str]] = []

    def post(url: str, text: str) -> None:
        tried.append((url, text))
        if "bad" in url:
            raise DeliveryError("no")

    monkeypatch.setattr(module.webhook, "post", post)
    pauses: list[float] = []
    config = Notify(webhooks=["https://bad.example", "https://good.example"])
    deliver(config, [told("a\x1b"), told("b")], pauses.append)
    assert [url for url, _ in tried] == ["https://bad.example"] * 3 + ["https://good.example"]
    assert tried[-1][1] == "a\\x1b\nb"
    assert pauses == [2.0, 10.0]
    assert "2 notifications are lost: no" in caplog.text
    assert try_out(config) == ["no"]


def test_a_run_that_fails_is_told_through_the_hook(
    start_app: Callable[..., Any], new_run: Callable[..., Any], eventually: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    heard: list[tuple[list[str], list[str]]] = []

    class Plugin:
        @hookimpl
        def ailab_notify(self, config: Notify, notifications: Sequence[Notification]) -> None:
            heard.append((list(config.on), [notification.kind for notification in notifications]))

    manager = server_manager()
    manager.register(Plugin())
    keys = {"on": ["failed", "nan", "threshold"], "thresholds": [{"metric": "loss", "above": 10}]}
    new_run().end("failed", error="long ago")
    run = new_run()
    app = start_app(manager=manager, notify=keys)
    eventually(lambda: len(app.client.get("/runs").json()["runs"]) == 2)
    assert app.services.workspace.wait_until_read(10)
    for value in (float("nan"), 12.0, 1.0):  # a glance at the newest would show none of it
        run.value("loss", value)
    run.end("failed", error="now")
    eventually(lambda: sum(len(kinds) for _, kinds in heard) >= 3)
    assert sorted(kind for _, kinds in heard for kind in kinds) == ["failed", "nan", "threshold"]
    assert heard[0][0] == ["failed", "nan", "threshold"]


def test_without_the_key_nothing_is_watched(app: Any) -> None:
    assert app.services._watch is None
    assert not app.services._notifier._thread.is_alive()
