from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from appliance.console.errors import RefusedError
from appliance.console.security import throttle
from appliance.console.security.throttle import BURST, FREE, MAX_ADDRESSES, MAX_DELAY_S, REFILL_S, Throttle
from tests.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guesses(clock: Clock) -> Throttle:
    return Throttle(clock)


def wait_of(guesses: Throttle, address: str) -> float:
    """Seconds that this address has to wait; 0 if it may guess now, which is a wrong guess then."""
    try:
        guesses.admit(address)
    except RefusedError as refusal:
        return refusal.retry_after_s or 0.0
    return 0.0


def test_delays_double_up_to_their_end_and_time_frees(guesses: Throttle, clock: Clock) -> None:
    assert [wait_of(guesses, "192.0.2.1") for _ in range(FREE)] == [0] * FREE
    waits = []
    for _ in range(8):
        waits.append(wait_of(guesses, "192.0.2.1"))
        clock.now += waits[-1]
        assert wait_of(guesses, "192.0.2.1") == 0
    assert waits == [1, 2, 4, 8, 16, MAX_DELAY_S, MAX_DELAY_S, MAX_DELAY_S]


def test_who_has_to_wait_is_told_how_long(guesses: Throttle, clock: Clock) -> None:
    for _ in range(FREE + 2):
        guesses.admit("192.0.2.1")
        clock.now += 2
    with pytest.raises(RefusedError, match="in 2 s") as refused:
        guesses.admit("192.0.2.1")
    assert (refused.value.status, refused.value.retry_after_s) == (429, 2.0)


def test_a_refused_guess_does_not_lengthen_the_wait(guesses: Throttle) -> None:
    for _ in range(FREE):
        guesses.admit("192.0.2.1")
    assert {wait_of(guesses, "192.0.2.1") for _ in range(100)} == {1.0}


def test_the_right_password_ends_the_delay(guesses: Throttle) -> None:
    for _ in range(FREE):
        guesses.admit("192.0.2.1")
    guesses.succeeded("192.0.2.1")
    assert wait_of(guesses, "192.0.2.1") == 0


def test_one_guesser_does_not_slow_another(guesses: Throttle) -> None:
    for _ in range(FREE):
        guesses.admit("192.0.2.1")
    assert wait_of(guesses, "192.0.2.2") == 0


def test_guesses_that_come_at_once_get_no_further_than_one_by_one(guesses: Throttle) -> None:
    together = threading.Barrier(24)

    def guess(_: int) -> bool:
        together.wait()
        return wait_of(guesses, "192.0.2.1") == 0

    with ThreadPoolExecutor(24) as threads:
        assert sum(threads.map(guess, range(24))) == FREE


def test_many_addresses_share_a_budget_that_refills(guesses: Throttle, clock: Clock) -> None:
    assert sum(wait_of(guesses, f"192.0.2.{number}") == 0 for number in range(200)) == BURST
    assert wait_of(guesses, "198.51.100.1") == pytest.approx(REFILL_S)
    clock.now += REFILL_S
    assert wait_of(guesses, "198.51.100.1") == 0


def test_a_right_guess_takes_nothing_of_the_budget(guesses: Throttle) -> None:
    for number in range(200):
        guesses.admit(f"192.0.2.{number}")
        guesses.succeeded(f"192.0.2.{number}")
    assert sum(wait_of(guesses, f"198.51.100.{number}") == 0 for number in range(200)) == BURST


def test_the_budget_counts_neither_for_the_box_itself_nor_for_who_is_known(guesses: Throttle) -> None:
    guesses.succeeded("198.51.100.7")
    for number in range(200):
        wait_of(guesses, f"192.0.2.{number}")
    assert wait_of(guesses, "127.0.0.1") == 0
    assert wait_of(guesses, "::1") == 0
    assert wait_of(guesses, "198.51.100.7") == 0
    assert wait_of(guesses, "198.51.100.8") > 0


def test_a_network_of_ipv6_addresses_counts_as_one(guesses: Throttle) -> None:
    for number in range(FREE):
        guesses.admit(f"2001:db8::{number:x}")
    assert wait_of(guesses, "2001:db8::ffff") == 1.0
    assert wait_of(guesses, "2001:db8:1::1") == 0


def test_what_is_remembered_is_bounded_and_keeps_who_is_trusted(guesses: Throttle) -> None:
    guesses.succeeded("198.51.100.7")
    for number in range(MAX_ADDRESSES + 100):
        wait_of(guesses, f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert wait_of(guesses, "198.51.100.7") == 0
    assert len(guesses._guessers) <= throttle.MAX_ADDRESSES
