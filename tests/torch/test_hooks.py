from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
import torch

from ailab.data.pytorch import BatchedPytorchDataset
from ailab.plugins import create_manager
from ailab_torch import hooks


def test_announces_the_adapter() -> None:
    manager = create_manager(load=False)
    manager.register(hooks, "torch")
    manager.check_pending()
    (adapter,) = manager.hook.ailab_data_adapter()
    module, name = adapter.batched.split(":")
    assert getattr(import_module(module), name) is BatchedPytorchDataset
    assert manager.hook.ailab_to_float(value=torch.tensor(2.5)) == 2.5


@pytest.mark.parametrize(
    "value",
    [
        torch.tensor(2.5),
        torch.tensor([[2.5]], requires_grad=True),
        torch.tensor(2.5, dtype=torch.bfloat16),
        torch.nn.Parameter(torch.tensor(2.5)),
        torch.tensor(2.5, requires_grad=True) * 1.0,
    ],
)
def test_tensors_of_one_element_are_floats(value: torch.Tensor) -> None:
    assert hooks.ailab_to_float(value) == 2.5


@pytest.mark.parametrize("value", [torch.zeros(2), torch.tensor(1j), np.zeros(1), 2.5, "2.5", None])
def test_nothing_else_is(value: object) -> None:
    assert hooks.ailab_to_float(value) is None


def test_images() -> None:
    image = torch.full((2, 3, 1), 0.5, dtype=torch.bfloat16, requires_grad=True)
    found = hooks.ailab_to_image(image)
    assert found is not None
    assert (found.dtype, found.shape) == (np.float32, (2, 3, 1))
    assert hooks.ailab_to_image(torch.zeros(2, 2, 3, dtype=torch.uint8)).dtype == np.uint8  # type: ignore[union-attr]
    assert hooks.ailab_to_image(np.zeros((2, 3, 1))) is None


def test_the_plugin_imports_no_framework() -> None:
    program = (
        "import sys; import ailab_torch.hooks as hooks; "
        "assert hooks.ailab_to_float(1) is None; assert hooks.ailab_data_adapter(); "
        "assert not {'keras', 'tensorflow', 'torch'} & set(sys.modules), 'a framework was imported'"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_public_names() -> None:
    import ailab_torch

    assert ailab_torch.__all__ == ["BatchedPytorchDataset"]
    assert all(getattr(ailab_torch, name).__name__ == name for name in ailab_torch.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        ailab_torch.Nothing  # noqa: B018
