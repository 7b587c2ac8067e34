"""What AI Lab's core asks of this plugin. Imports no Keras: it is loaded wherever it is installed.

Nor NumPy: a training's first logged value waits for this module.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ailab.hookspecs import DataAdapter
from ailab.plugins import hookimpl

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["ailab_data_adapter", "ailab_to_float", "ailab_to_image"]


@hookimpl
def ailab_data_adapter() -> DataAdapter:
    """Announce the adapter for Keras."""
    return DataAdapter(name="keras", framework="keras", batched="ailab_keras:BatchedKerasDataset")


@hookimpl
def ailab_to_float(value: object) -> float | None:
    """A TensorFlow tensor or a Keras or TensorFlow variable of one element as a float; None for the rest."""
    array = _array(value)
    return float(array.reshape(())) if array is not None and array.size == 1 else None


@hookimpl
def ailab_to_image(value: object) -> npt.NDArray[np.generic] | None:
    """A TensorFlow tensor or a Keras or TensorFlow variable as a NumPy array; None for the rest."""
    array: npt.NDArray[np.generic] | None = _array(value)
    return array


def _array(value: object) -> Any:
    # A framework that was never imported has made no tensor. Symbolic tensors have no value and no numpy().
    tensorflow, keras = sys.modules.get("tensorflow"), sys.modules.get("keras")
    for module, name in ((tensorflow, "Tensor"), (tensorflow, "Variable"), (keras, "Variable")):
        kind = getattr(module, name, None)
        if isinstance(kind, type) and isinstance(value, kind) and hasattr(value, "numpy"):
            return value.numpy()
    return None
