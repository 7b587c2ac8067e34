from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from typing import Any

import pytest

from ailab_server.config.parts import Email
from ailab_server.notify.email import send
from ailab_server.notify.webhook import DeliveryError


class MailServer(threading.Thread):
    """Speaks as much SMTP (RFC 5321) as one message needs."""

    def __init__(self) -> None:
        super().__init__()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.commands: list[str] = []
        self.message = b""
        self.login_answer = "235 ok"

    def run(self) -> None:
        connection, _ = self.listener.accept()
        with connection, connection.makefile("rwb") as file:

            def say(line: str) -> None:
                file.write(line.encode() + b"\r\n")
                file.flush()

            say("220 test")
            while line := file.readline():
                command = line.decode().strip()
                self.commands.append(command)
                word = command.split(" ")[0].upper()
                if word == "EHLO":
                    say("250-test\r\n250 AUTH PLAIN")
                elif word == "AUTH":
                    say(self.login_answer)
                elif word == "DATA":
                    say("354 go on")
                    while (part := file.readline()) != b".\r\n":
                        self.message += part
                    say("250 taken")
                elif word == "QUIT":
                    say("221 bye")
                    return
                else:
                    say("250 ok")


@pytest.fixture
def server() -> Iterator[MailServer]:
    made = MailServer()
    made.start()
    yield made
    # One that was never called is still waiting.
    with socket.create_connection(("127.0.0.1", made.port), timeout=5) as last:
        last.close()
    made.join(5)
    made.listener.close()


@pytest.fixture
def config(server: MailServer) -> Callable[..., Email]:
    def make(**keys: Any) -> Email:
        base = {"host": "127.0.0.1", "port": server.port, "security": "none", "sender": "ailab@lab.example"}
        return Email.model_validate({**base, "recipients": ["ada@lab.example", "bob@lab.example"], **keys})

    return make


def test_a_message(server: MailServer, config: Callable[..., Email]) -> None:
    send(config(), ["run ü failed", "run b finished"])
    message = message_from_bytes(server.message)
    assert str(make_header(decode_header(message["Subject"]))) == "AI Lab: run ü failed (and 1 more)"
    assert message["To"] == "ada@lab.example, bob@lab.example"
    assert message["Date"]
    body = message.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert body.decode().splitlines() == ["run ü failed", "run b finished"]
    assert [command for command in server.commands if command.startswith("rcpt")] == [
        "rcpt TO:<ada@lab.example>", "rcpt TO:<bob@lab.example>",
    ]  # fmt: skip


def test_a_name_begins_no_header_and_ends_no_message(server: MailServer, config: Callable[..., Email]) -> None:
    send(config(), ["x\r\nBcc: eve@evil.example\r\n\r\nevil\r\n.\r\nMAIL FROM:<eve>"])
    message = message_from_bytes(server.message)
    assert message["Bcc"] is None
    assert not any("eve" in command for command in server.commands)


def test_a_refused_login_is_told_without_what_was_sent(server: MailServer, config: Callable[..., Email]) -> None:
    server.login_answer = "535 wrong: hunter2"
    with pytest.raises(DeliveryError, match="it refuses user and password") as refused:
        send(config(user="ada", password="hunter2"), ["x"])
    assert "hunter2" not in str(refused.value)


def test_without_the_encryption_that_was_asked_for_nothing_is_sent(
    server: MailServer, config: Callable[..., Email]
) -> None:
    with pytest.raises(DeliveryError, match="did not take it: STARTTLS"):
        send(config(security="starttls", user="ada", password="hunter2"), ["x"])
    assert server.message == b""
    assert not any("AUTH" in command for command in server.commands)


def test_a_server_that_is_not_there() -> None:
    nobody = Email.model_validate(
        {"host": "127.0.0.1", "port": 1, "security": "none", "sender": "a@b.c", "recipients": ["a@b.c"]}
    )
    with pytest.raises(DeliveryError, match=r"the mail server 127\.0\.0\.1 did not take it"):
        send(nobody, ["x"])
