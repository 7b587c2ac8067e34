from __future__ import annotations

import logging
from typing import Any

import pytest

from ailab_server.logs import SafeFormatter


def test_login_and_logout(app: Any, password: str) -> None:
    answer = app.stranger.post("/login", json={"user": "ada", "password": password})
    assert answer.status_code == 200
    assert answer.json()["user"] == "ada"
    header = {"Authorization": f"Bearer {answer.json()['token']}"}
    assert app.stranger.get("/system", headers=header).json()["user"] == "ada"
    assert app.stranger.post("/logout", headers=header).status_code == 204
    assert app.stranger.get("/system", headers=header).status_code == 401
    assert app.client.get("/system").status_code == 200  # the other login of the same user lives


@pytest.mark.parametrize(
    ("user", "tried"), [("ada", "wrong"), ("nobody", "wrong"), ("ada", ""), ("ada", "pässwörd"), ("", ""), ("ADA", "x")]
)  # fmt: skip
def test_a_wrong_login_says_not_what_is_wrong(app: Any, user: str, tried: str) -> None:
    answer = app.stranger.post("/login", json={"user": user, "password": tried})
    assert answer.status_code == 401
    assert answer.json()["detail"] == "user or password is wrong"


def test_guessing_is_slowed_with_retry_after(app: Any, password: str) -> None:
    answers = [app.stranger.post("/login", json={"user": "ada", "password": f"guess{n}"}) for n in range(50)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 45
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert "wait" in answers[-1].json()["detail"]
    right = app.stranger.post("/login", json={"user": "ada", "password": password})
    assert right.status_code == 429  # the right one has to wait too, or waiting would tell it from a wrong one


def test_neither_password_nor_token_is_logged_or_repeated(
    app: Any, password: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        good = app.stranger.post("/login", json={"user": "ada", "password": password})
        bad = app.stranger.post("/login", json={"user": "ada", "password": password + "x"})
        token = good.json()["token"]
        header = {"Authorization": f"Bearer {token}"}
        system = app.stranger.get("/system", headers=header)
        app.stranger.get("/system", headers={"Authorization": f"Bearer {token}x"})
    assert "login: user ada" in caplog.text
    assert "login refused: user ada" in caplog.text
    assert password not in caplog.text + good.text + bad.text + system.text
    assert token not in caplog.text + bad.text + system.text


@pytest.mark.parametrize("name", ["my-passw0rd", "x\nlogin: user root\x1b[2J"])
def test_the_name_of_no_user_is_not_logged(app: Any, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """It may be a password in the wrong field, and cannot forge a line either."""
    caplog.handler.setFormatter(SafeFormatter("%(message)s"))
    app.stranger.post("/login", json={"user": name, "password": "x"})
    assert caplog.text.splitlines() == ["login refused: user (no user) from 127.0.0.1"]
