from __future__ import annotations

import sys

import pytest

from ailab_server.auth.passwords import MissingLibrary, argon2_hash, hash_password, is_hash, parse_hash


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


ARGON2 = "$argon2id$v=19$m=1024,t=2,p=1$c29tZXNhbHRzYWx0$" + "A" * 43
GOOD = "scrypt$16384$8$1$SMMuKnxtXFafVKxSYCm7KA==$YdfkRyST55QlYaL4XMb_T6UriclpJ7Bp9qT5DwXslTg="  # of x


@pytest.mark.parametrize(
    "text",
    ["", "x", "scrypt$", GOOD[:-5], GOOD.replace("scrypt", "bcrypt"), GOOD.replace("$16384$", "$3$"),
     GOOD.replace("$16384$8$", "$1073741824$8$"), GOOD.replace("$16384$", "$-2$"), GOOD + "$x",
     "scrypt$16384$8$1$$"],
)  # fmt: skip
def test_what_is_no_hash_is_refused(text: str) -> None:
    assert parse_hash(GOOD).matches("x")
    with pytest.raises(ValueError, match="is "):
        parse_hash(text)


def test_argon2s_hashes_too() -> None:
    pytest.importorskip("argon2")
    made = argon2_hash("pässwörd")
    found = parse_hash(str(made))
    assert is_hash(str(made)) and str(made).startswith("$argon2id$v=19$m=65536,t=2,p=1$")
    assert found.matches("pässwörd")
    assert not found.matches("passwort") and not found.matches("") and not found.matches("\ud800")
    assert repr(found) == "Argon2Hash(...)"


@pytest.mark.parametrize(
    "text",
    ["$argon2id$", ARGON2.removesuffix("A" * 43),
     ARGON2.replace("m=1024", "m=99999999"), ARGON2.replace("m=1024", "m=1"),
     ARGON2.replace("t=2", "t=9999"), ARGON2.replace("t=2", "t=0"), ARGON2.replace("p=1", "p=99"), ARGON2 + "\n"],
)  # fmt: skip
def test_what_is_no_argon2_hash_or_too_dear_is_refused(text: str) -> None:
    assert is_hash(text)
    with pytest.raises(ValueError, match="is (no password hash as argon2|an argon2 hash of a cost)"):
        parse_hash(text)


def test_without_the_library_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "argon2", None)
    with pytest.raises(MissingLibrary, match=r'pip install "ailab-server\[argon2\]"'):
        parse_hash(ARGON2)
    with pytest.raises(MissingLibrary):
        argon2_hash("x")


def test_a_decoy_costs_the_same_and_nobody_knows_its_password() -> None:
    pytest.importorskip("argon2")
    for made in (hash_password("x"), argon2_hash("x")):
        decoy = made.decoy()
        assert not decoy.matches("x") and not decoy.matches("")
        assert str(decoy).split("$")[:-2] == str(made).split("$")[:-2]
        assert len(str(decoy)) == len(str(made))
        assert str(decoy) != str(made.decoy())
