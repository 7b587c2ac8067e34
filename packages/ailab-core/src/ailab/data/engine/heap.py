"""What a worker process does with memory that its samples have freed: keep it."""

from __future__ import annotations

import ctypes

__all__ = ["keep_freed_memory"]

# glibc's names and numbers, from malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_MOST = 2**25  # bytes: more is not to be had, DEFAULT_MMAP_THRESHOLD_MAX


def keep_freed_memory() -> None:
    """Let this process keep what it frees, up to 64 MiB, for the next array.

    By itself glibc gives it back as soon as a megabyte or two are free at the end of the heap, which with images is
    after each sample. The next one gets its memory page by page anew, which takes as long as to decode or scale it.
    It is worst in a process that another thread than the main one has forked, as where TensorFlow asks for
    batches. For a process of our own only: in the user's it is the user's to decide.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MOST)
        mallopt(_M_TRIM_THRESHOLD, 2 * _MOST)
