"""The Dataset that a user writes, and the name of its data's state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

__all__ = ["Dataset", "version_of"]


class Dataset(ABC):
    """Samples by index. Subclass it and write ``__len__``, ``__getitem__`` and ``version``::

    class Points(Dataset):
        version = "1"

        def __len__(self):
            return 100

        def __getitem__(self, index):
            return {"x": np.float32(index)}, {"y": index % 2}

    A dataset that can read many samples faster than one by one may also have ``__getitems__(indices)``. It gets
    an int64 array of shape (n,), in any order, and returns the finished batch: what ``__getitem__`` returns, with
    an array of shape (n, ...) in each place. Such a batch is not looked through and must be the one that
    the samples would make. NotImplemented instead of a batch means: read these one by one.
    """

    @abstractmethod
    def __len__(self) -> int:
        """The number of samples."""

    @abstractmethod
    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """The sample ``(features, labels)`` at ``index``, 0 <= index < len(self); or one dataclass instance.

        Each of the two is a dict of array-likes or one array-like; tuples, named tuples and dataclasses may nest them.
        Python floats become float32, ints int64; NumPy's dtypes are kept. Shapes must agree between samples.
        """

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        # Python's own fallback for __getitem__ goes on until an IndexError, which few datasets raise.
        return (self[index] for index in range(len(self)))

    # Any, so that a subclass may make it a method, a property or a string without a type checker minding.
    @property
    def version(self) -> Any:
        """A string that changes whenever the data do: as a method, a property or a class attribute.

        Raises:
            NotImplementedError: the subclass has none.
        """
        raise NotImplementedError(
            f"{type(self).__qualname__} has no version; define one that changes whenever the data do:\n"
            '    def version(self):\n        return "1"'
        )


def version_of(dataset: object) -> str | None:
    """The dataset's version as a string, be it a method or an attribute; None if it has none, like a list.

    Raises:
        NotImplementedError: ``dataset`` is a `Dataset` whose class defines no version.
    """
    if not hasattr(type(dataset), "version") and not hasattr(dataset, "version"):
        return None
    version = dataset.version  # type: ignore[attr-defined]
    if callable(version):
        version = version()
    return None if version is None else str(version)
