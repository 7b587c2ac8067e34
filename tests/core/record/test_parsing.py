"""JSON is parsed as `json.loads` does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ailab.experiment.record.parsing import parsed, parsed_file

ODD = [
    b"", b" ", b"{", b"{}", b" {}", b"{} ", b"{}\n", b"{} x", b"[1]", b"1", b"nul", b"null", b'{"a": NaN}', b"\xff",
    b"{\xff}",
    b'{"a": "\xed\xa0\x80"}', b'\xef\xbb\xbf{"a": 1}', b"{\x00", b"{\x00}\x00", "{\"\u00e4\": 1}".encode("utf-16"),
    "{\"\u00e4\": 1}".encode("utf-16-le"), "{\"\u00e4\": 1}".encode("utf-32-le"), b"{" * 100_000, b'{"a":' * 100_000,
]  # fmt: skip


def outcome(parse: Any, data: Any) -> Any:
    try:
        return repr(parse(data))
    except RecursionError:
        return RecursionError
    except ValueError:
        return ValueError


@pytest.mark.parametrize("data", ODD, ids=range(len(ODD)))
def test_odd_files(data: bytes) -> None:
    assert outcome(parsed_file, data) == outcome(json.loads, data)


@given(st.binary(max_size=20))
def test_any_file(data: bytes) -> None:
    assert outcome(parsed_file, b"{" + data) == outcome(json.loads, b"{" + data)


@given(st.text(max_size=20))
def test_any_line(text: str) -> None:
    assert outcome(parsed, text) == outcome(json.loads, text)
