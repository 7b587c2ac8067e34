from __future__ import annotations

import json
from typing import Any

import pytest

from ailab.experiment.code.tree import TreeFile, parse_tree

KEY = "0123456789abcdef" * 4


def tree(*rows: Any) -> bytes:
    return json.dumps({"schema": 1, "files": rows}).encode()


def test_a_list_of_files() -> None:
    assert parse_tree(tree(["a/b.py", KEY, 3, True], ["ü b\\c", KEY, 0, False])) == [
        TreeFile("a/b.py", KEY, 3, True),
        TreeFile("ü b\\c", KEY, 0, False),
    ]
    assert parse_tree(tree()) == []


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../x", "a//b", "./a", "a/.", "a\0b", "a/"])
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="leads out of its folder"):
        parse_tree(tree(["good.py", KEY, 1, False], [path, KEY, 1, False]))


@pytest.mark.parametrize("key", ["", "x", KEY.upper(), KEY + "0", "../" + KEY[3:], KEY + "\n"])
def test_a_hash_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="names no object"):
        parse_tree(tree(["a.py", key, 1, False]))


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"[]", b"1", b"{}", b'{"files": 1}', b'{"files": [1]}', b'{"files": [["a"]]}', b"[" * 100_000,
     b'{"files": [["a", "b", "x", 1]]}', b'{"files": [["a", "b", null, 1]]}'],
)  # fmt: skip
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no list of a snapshot's files"):
        parse_tree(data)
