from __future__ import annotations

from ailab_server.auth.tokens import Tokens


def test_a_token_is_good_until_it_is_revoked() -> None:
    tokens = Tokens()
    token, _ = tokens.issue("ada")
    login = tokens.check(token)
    assert login is not None
    assert login.user == "ada"
    tokens.revoke(login.key)
    assert tokens.check(token) is None
    assert tokens.get(login.key) is None


def test_a_token_expires() -> None:
    now = [0.0]
    tokens = Tokens(clock=lambda: now[0], lifetime=10.0)
    token, _ = tokens.issue("ada")
    now[0] = 9.9
    assert tokens.check(token) is not None
    now[0] = 10.0
    assert tokens.check(token) is None


def test_tokens_are_long_random_and_kept_only_as_hashes() -> None:
    tokens = Tokens()
    issued = {tokens.issue("ada")[0] for _ in range(100)}
    assert len(issued) == 100
    assert all(len(token) >= 43 for token in issued)
    kept = repr(tokens._logins)
    assert not any(token in kept for token in issued)


def test_unknown_tokens_are_refused_whatever_they_hold() -> None:
    tokens = Tokens()
    tokens.issue("ada")
    for token in ("", "x", "ü", "\ud800", "a" * 100_000):
        assert tokens.check(token) is None


def test_memory_is_bounded_however_often_one_logs_in() -> None:
    tokens = Tokens()
    first, _ = tokens.issue("ada")
    for _ in range(tokens._MOST):
        last, _ = tokens.issue("ada")
    assert len(tokens._logins) == tokens._MOST
    assert tokens.check(first) is None
    assert tokens.check(last) is not None
