from __future__ import annotations

import pytest

from ailab.experiment.names import check_file_name, check_metric_name


@pytest.mark.parametrize("name", ["MyFigure", "confusion matrix", "a.b", "Ünïcode", "x" * 200])
def test_file_names(name: str) -> None:
    assert check_file_name("name", name) == name


@pytest.mark.parametrize(
    "name",
    ["a/b", "a\\b", "..", "../x", ".hidden", "", "  ", "a\0b", "a\nb", "a@1", "a:b", "x" * 201, "é" * 101, "\ud800"],
)
def test_no_file_names(name: str) -> None:
    with pytest.raises(ValueError, match="^name must"):
        check_file_name("name", name)


@pytest.mark.parametrize("name", ["loss", "train/loss", "a.b", "top@5", "acc (val)"])
def test_metric_names(name: str) -> None:
    assert check_metric_name("name", name) == name


@pytest.mark.parametrize("name", ["", "/loss", "loss/", "a//b", "../loss", "a/../b", "a\\b", "a\x1bb"])
def test_no_metric_names(name: str) -> None:
    with pytest.raises(ValueError, match="^name must"):
        check_metric_name("name", name)


@pytest.mark.parametrize("check", [check_file_name, check_metric_name])
@pytest.mark.parametrize("name", [None, 3, b"loss"])
def test_what_is_no_string(check: object, name: object) -> None:
    with pytest.raises(TypeError, match="name must be a string"):
        check("name", name)  # type: ignore[operator]
