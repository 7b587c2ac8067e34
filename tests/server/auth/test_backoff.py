from __future__ import annotations

from ailab_server.auth.backoff import Backoff


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_five_tries_are_free_then_the_wait_doubles_up_to_five_minutes() -> None:
    clock = Clock()
    backoff = Backoff(clock)
    waits = []
    for _ in range(4):
        assert backoff.charge("ada", "10.0.0.1") == 0.0
    for _ in range(12):
        assert backoff.charge("ada", "10.0.0.1") == 0.0
        waits.append(backoff.charge("ada", "10.0.0.1"))
        clock.now += waits[-1]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_a_try_while_waiting_does_not_lengthen_the_wait() -> None:
    clock = Clock()
    backoff = Backoff(clock)
    for _ in range(5):
        backoff.charge("ada", "10.0.0.1")
    assert backoff.charge("ada", "10.0.0.1") == 1.0
    for _ in range(100):
        backoff.charge("ada", "10.0.0.1")
    clock.now += 1.0
    assert backoff.charge("ada", "10.0.0.1") == 0.0


def test_another_user_and_another_address_are_not_slowed() -> None:
    backoff = Backoff(Clock())
    for _ in range(50):
        backoff.charge("ada", "10.0.0.1")
    assert backoff.charge("ada", "10.0.0.1") > 0
    assert backoff.charge("bob", "10.0.0.1") == 0.0
    assert backoff.charge("ada", "10.0.0.2") == 0.0


def test_a_right_password_forgives() -> None:
    backoff = Backoff(Clock())
    for _ in range(5):
        backoff.charge("ada", "10.0.0.1")
    backoff.forgive("ada", "10.0.0.1")
    assert backoff.charge("ada", "10.0.0.1") == 0.0


def test_a_try_that_was_not_checked_does_not_count() -> None:
    backoff = Backoff(Clock())
    for _ in range(5):
        backoff.charge("ada", "10.0.0.1")
    backoff.refund("ada", "10.0.0.1")
    assert backoff.charge("ada", "10.0.0.1") == 0.0
    assert backoff.charge("ada", "10.0.0.1") == 1.0
    backoff.refund("bob", "10.0.0.1")  # nothing to give back


def test_all_addresses_of_an_ipv6_network_are_one() -> None:
    backoff = Backoff(Clock())
    for host in range(5):
        backoff.charge("ada", f"2001:db8::{host:x}")
    assert backoff.charge("ada", "2001:db8::ffff") > 0
    assert backoff.charge("ada", "2001:db8:0:1::1") == 0.0
    for host in range(5):
        backoff.charge("ada", f"::ffff:10.0.0.{host}")
    assert backoff.charge("ada", "::ffff:10.0.0.99") == 0.0


def test_the_table_is_bounded() -> None:
    backoff = Backoff(Clock())
    for number in range(backoff._SIZE + 500):
        backoff.charge(f"user{number}", "10.0.0.1")
    assert len(backoff._table) == backoff._SIZE
