from __future__ import annotations

import pytest

from domain.breaker import CircuitBreaker


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(failures=3, shortest=1.0, longest=4.0, clock=clock)


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        assert breaker.allows()
        breaker.failed()


def test_calls_are_allowed_until_enough_have_failed_in_a_row(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    assert breaker.allows()
    breaker.succeeded()
    fail(breaker, 2)
    assert breaker.allows()
    breaker.failed()

    assert not breaker.allows()
    assert breaker.state == "open"


def test_after_a_pause_one_call_probes(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)

    clock.now = 0.9
    assert not breaker.allows()
    clock.now = 1.0
    assert breaker.allows()
    assert breaker.state == "probing"
    assert not breaker.allows()


def test_a_probe_that_goes_through_closes_it(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now = 1.0
    assert breaker.allows()

    breaker.succeeded()

    assert breaker.state == "closed"
    fail(breaker, 2)
    assert breaker.allows()


def test_each_probe_that_fails_doubles_the_pause_up_to_the_longest(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    pauses = []
    for _ in range(5):
        begin = clock.now
        while not breaker.allows():
            clock.now += 0.5
        pauses.append(clock.now - begin)
        breaker.failed()

    assert pauses == [1.0, 2.0, 4.0, 4.0, 4.0]


def test_a_pause_is_short_again_after_it_was_closed(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now = 1.0
    fail(breaker)
    clock.now = 3.0
    assert breaker.allows()
    breaker.succeeded()

    fail(breaker, 3)
    clock.now = 4.0

    assert breaker.allows()


def test_a_probe_that_never_comes_back_is_followed_by_another(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now = 1.0
    assert breaker.allows()

    clock.now = 2.0

    assert breaker.allows()
