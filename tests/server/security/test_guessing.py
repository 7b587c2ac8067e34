"""Guessing passwords, and finding out who is a user: with as many tries as an attacker would make."""

from __future__ import annotations

import asyncio
import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest

from ailab_server.auth import Authenticator, LoginRefused, passwords
from ailab_server.auth.passwords import PasswordHash, hash_password


def test_a_thousand_wrong_tries_cost_five_hashes(
    start_app: Callable[..., Any], password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = start_app(users={"ada": password, "bob": "another password"})
    hashed: Counter[str] = Counter()
    matches = PasswordHash.matches
    monkeypatch.setattr(PasswordHash, "matches", lambda self, tried: hashed.update([tried]) or matches(self, tried))
    answers: Counter[int] = Counter()
    for number in range(1_000):
        answers[app.stranger.post("/login", json={"user": "ada", "password": f"guess{number}"}).status_code] += 1
        if number % 100 == 50:  # the other's login is neither refused nor behind any of those
            body = {"user": "bob", "password": "another password"}
            assert app.stranger.post("/login", json=body).status_code == 200
    guesses = sum(count for tried, count in hashed.items() if tried.startswith("guess"))
    # Five are free; each later one needs a wait of a second and more, of which the test itself may take some.
    assert 5 <= guesses <= 10
    assert answers == {401: guesses, 429: 1_000 - guesses}
    assert hashed["another password"] == 10


@pytest.mark.parametrize("names", [1, 1_000])
def test_anothers_login_during_a_thousand_wrong_ones(
    start_server: Callable[..., Any], password: str, names: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the real cost of a hash; the milliseconds are printed. What bounds them is tested in auth/test_turns.py."""
    server = start_server()
    options: dict[str, Any] = {"base_url": f"{server.url}/api/v1", "timeout": 60.0, "trust_env": False}
    body = {"user": "ada", "password": password}
    left = iter(range(1_000))
    over = threading.Event()

    def attack() -> None:
        with httpx.Client(**options) as client:
            for number in left:
                if client.post("/login", json={"user": f"x{number % names}", "password": "x"}).status_code == 200:
                    raise AssertionError("a guess was right")
                if over.is_set():
                    return

    def login(client: httpx.Client) -> float:
        began = time.perf_counter()
        answer = client.post("/login", json=body)
        assert answer.status_code == 200, answer.text
        return (time.perf_counter() - began) * 1_000

    with httpx.Client(**options) as client:
        alone = [login(client) for _ in range(5)]
        attackers = [threading.Thread(target=attack) for _ in range(4)]
        for thread in attackers:
            thread.start()
        during = []
        while any(thread.is_alive() for thread in attackers) and len(during) < 30:
            during.append(login(client))
            time.sleep(0.01)
        over.set()
        for thread in attackers:
            thread.join()
    with capsys.disabled():
        print(
            f"\n  login of another user, ms: alone median {statistics.median(alone):.0f}; during 1,000 wrong ones under"
            f" {names} names median {statistics.median(during):.0f}, longest {max(during):.0f} (of {len(during)})"
        )


def test_a_name_that_is_no_users_takes_as_long_as_one_that_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """5,000 samples, in turn: told apart no better than by tossing a coin."""
    monkeypatch.setattr(passwords, "_N", 2**5)
    # Of two kinds of cost, as after a change of the default.
    cheap = hash_password("a")
    monkeypatch.setattr(passwords, "_N", 2**7)
    users = {"ada": cheap, "bob": hash_password("b"), "cid": cheap, "dan": hash_password("d")}
    authenticator = Authenticator(users)
    samples: dict[bool, list[float]] = {True: [], False: []}

    async def sample() -> None:
        for number in range(5_000):
            known = number % 2 == 0
            # Names that are no user's are many: each has a cost of its own, as users have.
            user = list(users)[number // 2 % 4] if known else f"no{number}"
            began = time.perf_counter()
            with pytest.raises(LoginRefused):
                # From ever other addresses, so that no back-off tells anything.
                await authenticator.check(user, "wrong", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
            samples[known].append(time.perf_counter() - began)

    asyncio.run(sample())
    authenticator.close()
    known, unknown = np.array(samples[True]), np.array(samples[False])
    # How often a user's try takes longer than another's: one half, if nothing tells them apart.
    ranks = np.concatenate([known, unknown]).argsort().argsort()[: len(known)]
    longer = (ranks.sum() - len(known) * (len(known) - 1) / 2) / (len(known) * len(unknown))
    assert 0.42 < longer < 0.58


@pytest.mark.parametrize("tried", ["", "ü", "пароль", "\ud800", "x" * 1_024, "\0", "correct horse battery staple "])
def test_odd_passwords_are_wrong_and_no_mistake(app: Any, tried: str) -> None:
    for user in ("ada", "nobody", tried[:200] or "x"):
        body = json.dumps({"user": user, "password": tried})
        answer = app.stranger.post("/login", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (401, 422)
        assert answer.status_code == 401 or "\ud800" in tried
