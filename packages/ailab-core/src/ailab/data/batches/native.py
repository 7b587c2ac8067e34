"""The compiled loops of ``_native.c``, or nothing where they were not compiled.

They only make batches quicker: whoever calls them has a way without, with the same outcome. ``AILAB_NATIVE=0`` leaves
them out, to see whether they are to blame for something.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from types import ModuleType
from typing import Any

__all__ = ["loops", "one_type"]


def _compiled() -> ModuleType | None:
    if os.environ.get("AILAB_NATIVE") == "0":
        return None
    try:
        return importlib.import_module("ailab.data.batches._native")
    except ImportError:  # there was no compiler
        return None


loops: Any = _compiled()
"""The module ``_native``, whose functions are described in ``_native.c``, or None."""


def one_type(values: Sequence[Any]) -> type | None:
    """The type that all of ``values``, a list or tuple, have; None if they have several, or there are none."""
    if loops is not None:
        kind: type | None = loops.one_type(values)
        return kind
    kinds = set(map(type, values))
    return kinds.pop() if len(kinds) == 1 else None
