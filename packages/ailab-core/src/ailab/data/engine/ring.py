"""One worker's slots as the parent sees them: which hold a batch, and which may be used again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ailab.data.engine.lease import lease
from ailab.data.engine.memory import Memory
from ailab.data.engine.wire import Array, Field, fields_to_arrays, join

__all__ = ["Ring"]


class Ring:
    """The slots of one worker.

    Args:
        leases: how many batches the consumer may hold in slots; what it holds beyond that are copies. So there
            is always a slot for the next task, whatever the consumer keeps.
    """

    def __init__(self, leases: int) -> None:
        self._leases = leases
        self._memories: list[Memory | None] = []
        self._free: list[int] = []  # as a stack: the slot used last is the one that is still in the cache
        self._filling: set[int] = set()  # slots of tasks that are not delivered yet
        self._schema: tuple[bytes, list[Field]] | None = None

    @property
    def memories(self) -> dict[int, Memory]:
        """What a worker that takes over, and was forked, has by slot."""
        return {slot: memory for slot, memory in enumerate(self._memories) if memory is not None}

    @property
    def size(self) -> int:
        """The bytes of all slots."""
        return sum(memory.size for memory in self._memories if memory is not None)

    def take(self) -> int:
        """A slot for the next task."""
        try:
            slot = self._free.pop()
        except IndexError:
            self._memories.append(None)
            slot = len(self._memories) - 1
        self._filling.add(slot)
        return slot

    def told(self, slot: int, memory: Memory | None, schema: Any) -> Any:
        """The schema of the batch now in ``slot``; ``memory`` if it is new, ``schema`` if it has changed."""
        if memory is not None:
            self._memories[slot] = memory
        if schema is not None:
            structure, fields = schema
            self._schema = structure, [(offset, np.dtype(dtype), shape) for offset, dtype, shape in fields]
        return self._schema

    def deliver(self, slot: int, schema: tuple[bytes, Sequence[Field]]) -> Any:
        """The batch in ``slot``: its arrays are views of it, or copies if the consumer holds too many already."""
        structure, fields = schema
        memory = self._memories[slot]
        assert memory is not None
        self._filling.remove(slot)
        # Counted afresh each time: leases end in any thread, where no count could be kept without a lock.
        leased = len(self._memories) - len(self._free) - len(self._filling)
        arrays: list[Array] = fields_to_arrays(fields, lease(memory, lambda: self._free.append(slot)))
        if leased > self._leases:
            arrays = [array.copy() for array in arrays]
        return join(structure, arrays)

    def forget(self, slot: int) -> None:
        """The batch in ``slot`` will not be delivered."""
        self._filling.remove(slot)
        self._free.append(slot)

    def abandon(self) -> None:
        """The worker has ended: nobody fills any slot. Another one may take over."""
        self._free.extend(self._filling)
        self._filling.clear()
        self._schema = None
