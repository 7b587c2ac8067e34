from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from ailab_server.auth import Authenticator, LoginRefused, TooManyTries, passwords
from ailab_server.auth.passwords import PasswordHash, hash_password

ADA, BOB = hash_password("a"), hash_password("b")


@pytest.fixture
def authenticator() -> Iterator[Authenticator]:
    made = Authenticator({"ada": ADA, "bob": BOB})
    yield made
    made.close()


def test_right_and_wrong(authenticator: Authenticator) -> None:
    async def check() -> None:
        await authenticator.check("ada", "a", "10.0.0.1")
        for user, password in [("ada", "b"), ("ada", ""), ("nobody", "a"), ("ada", "ü"), ("\ud800", "\ud800")]:
            with pytest.raises(LoginRefused):
                await authenticator.check(user, password, "10.0.0.2")

    asyncio.run(check())


def test_an_unknown_user_costs_a_hash_too(authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    matches = PasswordHash.matches
    monkeypatch.setattr(PasswordHash, "matches", lambda self, p: hashed.append(p) or matches(self, p))

    async def check() -> None:
        with pytest.raises(LoginRefused):
            await authenticator.check("nobody", "some password", "10.0.0.1")

    asyncio.run(check())
    assert hashed == ["some password"]


def test_the_dummy_hash_lets_nobody_in(authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PasswordHash, "matches", lambda self, password: True)

    async def check() -> None:
        with pytest.raises(LoginRefused):
            await authenticator.check("nobody", "x", "10.0.0.1")

    asyncio.run(check())


def test_parallel_guesses_are_counted_before_they_are_checked(authenticator: Authenticator) -> None:
    async def burst() -> list[BaseException | None]:
        tries = [authenticator.check("ada", f"guess{n}", "10.0.0.1") for n in range(30)]
        return await asyncio.gather(*tries, return_exceptions=True)

    results = asyncio.run(burst())
    assert sum(isinstance(result, LoginRefused) for result in results) == 5
    assert sum(isinstance(result, TooManyTries) for result in results) == 25


def test_hashing_leaves_the_event_loop_free(authenticator: Authenticator) -> None:
    """While a password is hashed, the loop goes on to turn."""

    async def count() -> int:
        turns = 0
        login = asyncio.ensure_future(authenticator.check("ada", "a", "10.0.0.1"))
        while not login.done():
            turns += 1
            await asyncio.sleep(0)
        await login
        return turns

    assert asyncio.run(count()) > 3


def test_one_users_flood_leaves_the_other_alone(authenticator: Authenticator) -> None:
    async def flood() -> None:
        for number in range(1000):
            with pytest.raises((LoginRefused, TooManyTries)):
                await authenticator.check("ada", f"guess{number}", "10.0.0.1")
        await authenticator.check("bob", "b", "10.0.0.1")
        with pytest.raises(TooManyTries):
            await authenticator.check("ada", "a", "10.0.0.1")

    asyncio.run(flood())


def test_a_flood_of_names_does_not_pile_up_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_N", 2)
    authenticator = Authenticator({})

    async def flood() -> list[BaseException | None]:
        tries = [authenticator.check(f"user{n}", "x", "10.0.0.1") for n in range(200)]
        return await asyncio.gather(*tries, return_exceptions=True)

    results = asyncio.run(flood())
    authenticator.close()
    # One of an address at a time, and so many that wait.
    assert sum(isinstance(result, LoginRefused) for result in results) == authenticator._MOST_WAITING + 1
    assert sum(isinstance(result, TooManyTries) for result in results) == 199 - authenticator._MOST_WAITING


def test_who_was_left_out_of_a_crowd_has_lost_no_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_N", 2)
    authenticator = Authenticator({"ada": hash_password("a")})

    async def scene() -> None:
        crowd = [authenticator.check(f"user{n}", "x", "10.0.0.1") for n in range(300)]
        mine = [authenticator.check("ada", "a", "10.0.0.1") for _ in range(4)]
        results = await asyncio.gather(*crowd, *mine, return_exceptions=True)
        assert sum(isinstance(result, TooManyTries) for result in results) > 200
        for _ in range(5):
            await authenticator.check("ada", "a", "10.0.0.1")

    asyncio.run(scene())
    authenticator.close()
