from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from ailab_server.notify import webhook
from ailab_server.notify.webhook import MOST_LINES, DeliveryError, chat_text, post


class Chat(HTTPServer):
    """Takes messages, and answers as it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.taken: list[tuple[str, dict[str, str], Any]] = []
        self.answer: tuple[int, dict[str, str]] = (200, {})
        self.url = f"http://127.0.0.1:{self.server_port}/hook/x?y=1"


class _Handler(BaseHTTPRequestHandler):
    server: Chat

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((self.path, dict(self.headers), json.loads(body)))
        status, headers = self.server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def chat() -> Iterator[Chat]:
    server = Chat()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_message_as_chats_take_it(chat: Chat) -> None:
    post(chat.url, "hello ü")
    ((path, headers, body),) = chat.taken
    assert (path, body) == ("/hook/x?y=1", {"text": "hello ü"})
    assert headers["Content-Type"] == "application/json"
    assert headers["Host"] == f"127.0.0.1:{chat.server_port}"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(chat: Chat, status: int) -> None:
    chat.answer = (status, {"Location": chat.url})
    with pytest.raises(DeliveryError, match=f"answered {status}"):
        post(chat.url, "x")
    assert len(chat.taken) == 1


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "169.254.0.1", "fe80::1", "::ffff:169.254.169.254", "0.0.0.0", "::", "224.0.0.1", "ff02::1"],
)
def test_where_clouds_keep_credentials_is_never_called(
    chat: Chat, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    # Also not under a name that resolves to it.
    answer = [(2, 1, 6, "", (address, chat.server_port))]
    monkeypatch.setattr(webhook.socket, "getaddrinfo", lambda *_, **__: answer)
    with pytest.raises(DeliveryError, match="is no address of a webhook"):
        post("http://chat.example/hook", "x")
    assert chat.taken == []


def test_the_address_that_was_looked_at_is_the_one_that_is_called(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([[(2, 1, 6, "", ("127.0.0.1", chat.server_port))]])  # a second question would fail
    monkeypatch.setattr(webhook.socket, "getaddrinfo", lambda *_, **__: next(answers))
    post("http://chat.example/hook", "x")
    assert chat.taken[0][1]["Host"].startswith("chat.example")


def test_an_error_names_the_host_and_not_the_secret_in_the_address(chat: Chat) -> None:
    chat.answer = (404, {})
    with pytest.raises(DeliveryError) as refused:
        post(chat.url, "x")
    with pytest.raises(DeliveryError, match="cannot be reached") as closed:
        post("http://127.0.0.1:1/hook/secret", "x")
    for error in (refused, closed):
        assert "hook" not in str(error.value).replace("webhook", "")
        assert "127.0.0.1" in str(error.value)


def test_names_of_runs_are_neither_links_nor_calls() -> None:
    text = chat_text(["<!channel> <http://evil|x> @all & co"])
    assert text == "&lt;!channel&gt; &lt;http://evil|x&gt; @\u200ball &amp; co"


def test_a_hundred_lines_are_cut() -> None:
    lines = chat_text([f"line {number}" for number in range(100)]).split("\n")
    assert len(lines) == MOST_LINES + 1
    assert lines[-1] == f"and {100 - MOST_LINES} more"
