from __future__ import annotations

import math
import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ailab.experiment.record import scalars

RECORDS = st.tuples(
    st.integers(0, 2**32 - 1), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.floats(width=64)
)


def load(data: bytes) -> np.ndarray:
    return np.frombuffer(data, scalars.RECORD)


@given(st.lists(RECORDS, max_size=20))
def test_records_come_back_as_they_were(rows: list[tuple[int, int, float, float]]) -> None:
    records = load(b"".join(scalars.pack(*row) for row in rows))
    assert scalars.valid(records).all()
    assert records["metric"].tolist() == [row[0] for row in rows]
    assert records["step"].tolist() == [row[1] for row in rows]
    assert records["time"].tolist() == [row[2] for row in rows]
    assert [struct.pack("d", v) for v in records["value"]] == [struct.pack("d", row[3]) for row in rows] or any(
        math.isnan(row[3]) for row in rows
    )


@given(RECORDS)
def test_every_flipped_bit_is_caught(row: tuple[int, int, float, float]) -> None:
    good = scalars.pack(*row)
    flipped = bytearray()
    for bit in range(8 * scalars.SIZE):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        flipped += bad
    assert not scalars.valid(load(bytes(flipped))).any()


@given(RECORDS, RECORDS, st.integers(4, scalars.SIZE - 1))
def test_a_half_written_record_is_caught(
    row: tuple[int, int, float, float], other: tuple[int, int, float, float], cut: int
) -> None:
    torn = scalars.pack(*row)[:cut] + bytes(scalars.SIZE - cut)
    if torn != scalars.pack(*row):
        assert not scalars.valid(load(torn)).any()


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_the_check_is_the_documented_sum_in_every_block(seed: int, blocks: int) -> None:
    words = np.random.default_rng(seed).integers(0, 2**32, (8192 * (blocks - 1) + 5, 8), np.uint32)
    words[::7] |= 0xFFFFFFFF  # every addition overflows
    rest = (words.sum(axis=1, dtype=np.uint64) - words[:, 1]) % (2**32 - 1)
    right = ((0xA11AB - rest.astype(np.int64)) % (2**32 - 1)).astype(np.uint32)
    words[::2, 1] = right[::2]
    expected = words.sum(axis=1, dtype=np.uint64) % np.uint64(2**32 - 1) == 0xA11AB
    assert expected[::2].all()
    assert (scalars.valid(words.view(scalars.RECORD)[:, 0]) == expected).all()


def test_zeros_are_no_records() -> None:
    assert not scalars.valid(np.zeros(3, scalars.RECORD)).any()


def test_no_records_at_all() -> None:
    assert scalars.valid(np.empty(0, scalars.RECORD)).tolist() == []


def test_the_form_is_the_documented_one() -> None:
    data = scalars.pack(7, -2, 1.5, 0.25)
    assert scalars.SIZE == 32 == len(data)
    metric, _, step, time, value = struct.unpack("<IIqdd", data)
    assert (metric, step, time, value) == (7, -2, 1.5, 0.25)
    assert sum(struct.unpack("<8I", data)) % (2**32 - 1) == 0xA11AB
