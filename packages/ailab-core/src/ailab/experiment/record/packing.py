"""How a logged number becomes 32 bytes. Apart from `scalars`, so that a process that only writes needs no NumPy.

The check makes the record's eight 32-bit words sum to ``SUM`` modulo ``MODULUS``. That catches every single flipped
bit, a half-written record and the zeros that NFS shows for a moment, costs one big-integer operation to write (a CRC-32
would do as well there), and, what a CRC does not offer, is one vectorised sum to verify over millions of records.
"""

from __future__ import annotations

import struct

__all__ = ["MODULUS", "SIZE", "SUM", "body", "number", "pack", "record"]

SUM = 0xA11AB
MODULUS = 2**32 - 1

SIZE = 32
record = struct.Struct("<IIqdd").pack
"""Metric, check, step, time, value."""
body = struct.Struct("<qdd").pack
"""Step, time, value: what the check covers besides the metric."""
number = struct.Struct("<d").pack
"""A value alone."""


def pack(metric: int, step: int, time: float, value: float) -> bytes:
    """One record. ``step`` must fit 64 signed bits and ``metric`` 32 unsigned ones (struct.error otherwise)."""
    # A little-endian number of 32-bit digits is congruent to the sum of its digits modulo 2**32 - 1.
    words = int.from_bytes(body(step, time, value), "little")
    return record(metric, (SUM - metric - words) % MODULUS, step, time, value)
