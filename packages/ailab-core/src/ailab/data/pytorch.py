"""``BatchedPytorchDataset`` under the name that users type; it lives in the distribution ailab-torch."""

from ailab._alias import missing

try:
    from ailab_torch import BatchedPytorchDataset as BatchedPytorchDataset
except ModuleNotFoundError as error:
    if error.name != "ailab_torch":
        raise  # ailab-torch is there; something that it needs is not
    raise missing("ailab.data.pytorch", "ailab-torch", "torch") from None

__all__ = ["BatchedPytorchDataset"]
