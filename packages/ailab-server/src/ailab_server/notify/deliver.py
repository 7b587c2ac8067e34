"""Our own ways of telling: what the config's ``notify`` names."""

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial

from ailab_server.config.parts import Notify
from ailab_server.logs import escaped
from ailab_server.notify import email, webhook
from ailab_server.notify.watch import Notification
from ailab_server.notify.webhook import DeliveryError

__all__ = ["deliver", "try_out"]

_log = logging.getLogger(__name__)

_PAUSES = (2.0, 10.0)


def deliver(config: Notify, notifications: Sequence[Notification], sleep: Callable[[float], None] = time.sleep) -> None:
    """Send every way, three times where it fails; then it is logged and given up."""
    lines = [escaped(notification.text) for notification in notifications]
    for way in _ways(config, lines):
        for pause in (*_PAUSES, None):
            try:
                way()
            except DeliveryError as error:
                if pause is None:
                    _log.warning("%d notifications are lost: %s", len(lines), error)
                else:
                    sleep(pause)
            else:
                break


def try_out(config: Notify) -> list[str]:
    """Send a message that says that it works, every way and once; what did not work."""
    failed = []
    for way in _ways(config, ["this is how ailab-server tells what became of a run"]):
        try:
            way()
        except DeliveryError as error:
            failed.append(str(error))
    return failed


def _ways(config: Notify, lines: Sequence[str]) -> list[Callable[[], None]]:
    ways: list[Callable[[], None]] = [partial(webhook.post, url, webhook.chat_text(lines)) for url in config.webhooks]
    return ways if config.email is None else [*ways, partial(email.send, config.email, lines)]
