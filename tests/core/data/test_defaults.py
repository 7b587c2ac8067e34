from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ailab import current
from ailab.data.defaults import batch_size_or_default
from ailab.experiment import Config


@pytest.fixture
def config() -> Config:
    config = Config()
    config.train.batch_size = 42
    current.use_config(config)
    return config


def test_without_a_config_it_is_one() -> None:
    assert batch_size_or_default(None) == 1


def test_the_config_in_use_decides(config: Config) -> None:
    assert batch_size_or_default(None) == 42


def test_an_explicit_one_wins(config: Config) -> None:
    assert batch_size_or_default(7) == 7
    assert batch_size_or_default(np.int64(7)) == 7  # type: ignore[arg-type]


@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (-1, ValueError), (False, TypeError), (1.0, TypeError)])
def test_errors_name_where_the_value_came_from(config: Config, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^batch_size="):
        batch_size_or_default(value)
    config.train.batch_size = value
    with pytest.raises(error, match=r"^config\.train\.batch_size="):
        batch_size_or_default(None)
