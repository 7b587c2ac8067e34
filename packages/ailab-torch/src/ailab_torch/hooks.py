"""What AI Lab's core asks of this plugin. Imports no torch: it is loaded wherever it is installed.

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
    """Announce the adapter for PyTorch."""
    return DataAdapter(name="torch", framework="torch", batched="ailab_torch:BatchedPytorchDataset")


@hookimpl
def ailab_to_float(value: object) -> float | None:
    """A tensor of one element, on any device, as a float; None for everything else."""
    # Not by `_tensor`: this is called for every loss that is logged, and detaching costs as much as the rest.
    kind = getattr(sys.modules.get("torch"), "Tensor", None)
    if kind is None or not isinstance(value, kind) or value.numel() != 1:
        return None
    number = value.item()
    return None if isinstance(number, complex) else float(number)


@hookimpl
def ailab_to_image(value: object) -> npt.NDArray[np.generic] | None:
    """A tensor as a NumPy array of the same shape; None for everything else."""
    tensor = _tensor(value)
    if tensor is None:
        return None
    # NumPy has no bfloat16.
    array: npt.NDArray[np.generic] = (tensor.float() if tensor.is_floating_point() else tensor).cpu().numpy()
    return array


def _tensor(value: object) -> Any:
    """``value`` without its gradient if it is a tensor. Where torch was never imported nothing can be one."""
    tensor = getattr(sys.modules.get("torch"), "Tensor", None)
    return value.detach() if tensor is not None and isinstance(value, tensor) else None
