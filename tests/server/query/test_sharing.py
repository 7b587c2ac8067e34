from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ailab_server.query.sharing import Sharing

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
CONTENT = st.recursive(
    LEAVES, lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=3), part, max_size=4)
)


def same(a: Any, b: Any) -> bool:
    """Equal, in type, order of keys and sign of zero too."""
    return repr(a) == repr(b)


@given(st.lists(CONTENT, max_size=8), st.sampled_from([1, 3, 10_000]))
def test_what_comes_back_is_what_was_given_however_little_is_remembered(contents: list[Any], most: int) -> None:
    sharing = Sharing(most)
    for content in contents * 2:
        assert same(sharing.of(content), content)


@given(CONTENT)
def test_what_is_equal_is_one_object(content: Any) -> None:
    sharing = Sharing()
    first, second = (sharing.of(json.loads(json.dumps(content))) for _ in range(2))
    assert first is second


def test_what_only_seems_equal_stays_apart() -> None:
    sharing = Sharing()
    for values in ([1, 1.0, True], [0.0, -0.0, False, 0], ["1", 1], [[], {}], [{"a": 1}, {"a": True}, {"a": 1.0}],
                   [{"a": 1, "b": 2}, {"b": 2, "a": 1}], [["1"], {"0": "1"}], [{"a": "1"}, {"a": 1}]):  # fmt: skip
        for value in values:
            assert same(sharing.of(value), value)
    assert math.isnan(sharing.of(math.nan))


def test_what_runs_have_in_common_is_kept_once_and_no_more_than_so_much_is_remembered() -> None:
    sharing = Sharing(most=100)
    runs = [
        sharing.of({"seed": seed, "data": {"path": ["a", {"b": 0.5}]}, "packages": {"numpy": "2", "torch": str(2)}})
        for seed in range(10_000)
    ]
    assert len({id(run["data"]) for run in runs}) == 1
    assert len({id(run["packages"]) for run in runs}) == 1
    assert len(sharing._known) + len(sharing._older) <= 200


def test_what_is_nested_without_end_is_taken_as_it_is() -> None:
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    assert same(Sharing().of(deep), deep)
