from __future__ import annotations

from typing import Any

import pytest

from ailab.data import Dataset, version_of


class Numbers(Dataset):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return index, -index  # raises no IndexError, like most datasets


class AsMethod(Numbers):
    def version(self) -> str:
        return "m1"


class AsProperty(Numbers):
    @property
    def version(self) -> str:
        return "p1"


class AsAttribute(Numbers):
    version = "a1"


def test_iterates_over_its_length() -> None:
    assert list(Numbers()) == [(0, 0), (1, -1), (2, -2)]


@pytest.mark.parametrize("missing", ["__len__", "__getitem__"])
def test_both_methods_are_required(missing: str) -> None:
    body = {name: getattr(Numbers, name) for name in ("__len__", "__getitem__") if name != missing}
    with pytest.raises(TypeError, match=missing):
        type("Half", (Dataset,), body)()


@pytest.mark.parametrize(("kind", "version"), [(AsMethod, "m1"), (AsProperty, "p1"), (AsAttribute, "a1")])
def test_version_in_any_form(kind: type[Dataset], version: str) -> None:
    assert version_of(kind()) == version


def test_missing_version_says_what_to_write() -> None:
    with pytest.raises(NotImplementedError, match=r"Numbers has no version; define one[\s\S]*def version\(self\)"):
        version_of(Numbers())


def test_plain_lists_have_no_version() -> None:
    assert version_of([(1, 2)]) is None


def test_version_is_a_string() -> None:
    class Dated(Numbers):
        version = 20240501

    assert version_of(Dated()) == "20240501"


def test_an_attribute_error_in_version_is_not_hidden() -> None:
    class Wrong(Numbers):
        @property
        def version(self) -> str:
            return str(self.no_such_thing)  # type: ignore[attr-defined]

    with pytest.raises(AttributeError, match="no_such_thing"):
        version_of(Wrong())
