"""``BatchedKerasDataset`` under the name that users type; it lives in the distribution ailab-keras."""

from ailab._alias import missing

try:
    from ailab_keras import BatchedKerasDataset as BatchedKerasDataset
except ModuleNotFoundError as error:
    if error.name != "ailab_keras":
        raise  # ailab-keras is there; something that it needs is not
    raise missing("ailab.data.keras", "ailab-keras", "keras") from None

__all__ = ["BatchedKerasDataset"]
