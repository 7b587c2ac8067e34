from __future__ import annotations

import pytest

from ailab_server.auth.passwords import hash_password, parse_hash


@pytest.mark.parametrize("password", ["x", "pässwörd ✓", " spaces ", "a" * 1024, "\ud800"])
def test_a_hash_matches_its_password_only(password: str) -> None:
    written = str(hash_password(password))
    assert parse_hash(written).matches(password)
    assert not parse_hash(written).matches(password + "x")
    assert not parse_hash(written).matches("")


def test_the_same_password_has_a_new_hash_each_time() -> None:
    assert str(hash_password("x")) != str(hash_password("x"))


def test_neither_password_nor_digest_shows_in_a_repr() -> None:
    found = hash_password("hunter2")
    assert "hunter2" not in str(found)
    assert repr(found) == "PasswordHash(...)"


GOOD = str(hash_password("x"))


@pytest.mark.parametrize(
    "text",
    ["", "x", "scrypt$", GOOD[:-5], GOOD.replace("scrypt", "bcrypt"), GOOD.replace("$16384$", "$3$"),
     GOOD.replace("$16384$8$", "$1073741824$8$"), GOOD.replace("$16384$", "$-2$"), GOOD + "$x",
     "scrypt$16384$8$1$$"],
)  # fmt: skip
def test_what_is_no_hash_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is "):
        parse_hash(text)
