"""Keeping the C library from hoarding memory that the server has given back."""

import ctypes
import sys

__all__ = ["spare_memory"]

# <malloc.h> of glibc
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

_ARENAS = 2
_LARGE = 3 << 16
"""Bytes. A long series that is freed in the midst of a heap only leaves a hole; short ones are quicker there."""
_SPARE = 1 << 20


def spare_memory() -> None:
    """Have threads share two arenas, and large arrays go back to the system when they are freed.

    glibc gives each of up to eight threads a processor an arena of its own, and none gets back what another freed: with
    a request in any of forty threads a soak had 84 MB in thirteen arenas, nearly all of it free. And the first large
    array that is freed makes glibc keep those of its size for ever. To be called before there are threads; does
    nothing without glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return
    mallopt(_M_ARENA_MAX, _ARENAS)
    mallopt(_M_MMAP_THRESHOLD, _LARGE)
    mallopt(_M_TRIM_THRESHOLD, _SPARE)
