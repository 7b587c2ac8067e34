from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

def one_type(values: list[Any] | tuple[Any, ...]) -> type | None: ...
def stack_arrays(values: list[Any] | tuple[Any, ...], out: npt.NDArray[Any]) -> bool: ...
def stack_lists(values: list[Any] | tuple[Any, ...], out: npt.NDArray[np.float32 | np.int64]) -> bool: ...
def read_pairs(
    dataset: Any,
    rest: Iterator[int],
    feature_keys: tuple[Any, ...],
    feature_columns: tuple[list[Any], ...],
    label_keys: tuple[Any, ...],
    label_columns: tuple[list[Any], ...],
) -> Any: ...
