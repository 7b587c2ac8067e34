from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ailab_server.strict import number, strict, text

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet=st.characters(exclude_categories=())), inner),
)


@given(ANY_JSON)
def test_anything_becomes_strict_json(value: Any) -> None:
    written = json.dumps(strict(value), allow_nan=False, ensure_ascii=False).encode("utf-8")
    json.loads(written)


@pytest.mark.parametrize(
    ("value", "sent"), [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity"), (-0.0, -0.0),
     (1e308, 1e308)]
)  # fmt: skip
def test_numbers(value: float, sent: object) -> None:
    assert number(value) == sent


def test_deep_nesting_ends() -> None:
    deep: Any = 1
    for _ in range(1000):
        deep = [deep]
    assert "…" in json.dumps(strict(deep), ensure_ascii=False)


def test_what_is_fine_stays_as_it_is() -> None:
    value = {"a": [1, 2.5, None, True, "ü"], "b": {"c": 2**63}}
    assert strict(value) == value


def test_text_is_cut() -> None:
    assert text("abc", 3) == "abc"
    assert text("abcd", 3) == "ab…"
    assert text("\ud800") == "?"
