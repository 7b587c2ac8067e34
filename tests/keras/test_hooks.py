from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import keras
import numpy as np
import pytest
import tensorflow as tf

from ailab.data.keras import BatchedKerasDataset
from ailab.plugins import create_manager
from ailab_keras import hooks


def test_announces_the_adapter() -> None:
    manager = create_manager(load=False)
    manager.register(hooks, "keras")
    manager.check_pending()
    (adapter,) = manager.hook.ailab_data_adapter()
    module, name = adapter.batched.split(":")
    assert getattr(import_module(module), name) is BatchedKerasDataset
    assert manager.hook.ailab_to_float(value=tf.constant(2.5)) == 2.5


@pytest.mark.parametrize(
    "value",
    [tf.constant(2.5), tf.constant([[2.5]]), tf.Variable(2.5), keras.Variable(2.5), tf.constant(2.5, tf.bfloat16)],
)
def test_tensors_of_one_element_are_floats(value: object) -> None:
    assert hooks.ailab_to_float(value) == 2.5


@pytest.mark.parametrize("value", [tf.zeros(2), np.zeros(1), 2.5, "2.5", None, keras.KerasTensor((1,))])
def test_nothing_else_is(value: object) -> None:
    assert hooks.ailab_to_float(value) is None


def test_symbolic_tensors_have_no_value() -> None:
    found = []

    @tf.function
    def traced(x: object) -> object:
        found.append(hooks.ailab_to_float(x))
        return x

    traced(tf.constant(1.0))
    assert found == [None]


def test_images() -> None:
    found = hooks.ailab_to_image(tf.zeros((2, 3, 1), tf.uint8))
    assert found is not None
    assert (found.dtype, found.shape) == (np.uint8, (2, 3, 1))
    assert hooks.ailab_to_image(np.zeros((2, 3, 1))) is None


def test_the_plugin_imports_no_framework() -> None:
    program = (
        "import sys; import ailab_keras.hooks as hooks; "
        "assert hooks.ailab_to_float(1) is None; assert hooks.ailab_data_adapter(); "
        "assert not {'keras', 'tensorflow', 'torch'} & set(sys.modules), 'a framework was imported'"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_public_names() -> None:
    import ailab_keras

    assert ailab_keras.__all__ == ["BatchedKerasDataset", "LogCallback"]
    assert all(getattr(ailab_keras, name).__name__ == name for name in ailab_keras.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        ailab_keras.Nothing  # noqa: B018
