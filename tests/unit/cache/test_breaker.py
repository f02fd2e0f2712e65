from __future__ import annotations

from domain.cache.breaker import Breaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        assert breaker.allows()
        breaker.failed()


def test_it_opens_after_three_failures_in_a_row():
    breaker = Breaker(clock=Clock())
    fail(breaker, 2)
    breaker.succeeded()
    fail(breaker, 2)
    assert breaker.state == "closed"

    fail(breaker, 1)

    assert breaker.state == "open"
    assert not breaker.allows()
    assert breaker.opened == 1


def test_one_probe_is_let_through_after_a_second():
    clock = Clock()
    breaker = Breaker(clock=clock)
    fail(breaker, 3)

    clock.now += 1.0

    assert breaker.allows()
    assert breaker.state == "half_open"
    assert not breaker.allows()
    breaker.succeeded()
    assert breaker.state == "closed"
    assert breaker.allows()


def test_each_probe_that_fails_doubles_the_pause_up_to_ten_seconds():
    clock = Clock()
    breaker = Breaker(clock=clock)
    fail(breaker, 3)
    pauses = []
    for _ in range(6):
        pause = 0.0
        while not breaker.allows():
            clock.now += 0.05
            pause += 0.05
        breaker.failed()
        pauses.append(pause)

    for pause, most in zip(pauses, (1, 2, 4, 8, 10, 10), strict=True):
        assert 0.75 * most <= pause <= most + 0.1


def test_a_late_success_does_not_close_it():
    breaker = Breaker(clock=Clock())
    assert breaker.allows()  # One that takes long.
    fail(breaker, 3)

    breaker.succeeded()

    assert breaker.state == "open"


def test_a_probe_that_never_ends_is_followed_by_another_one():
    clock = Clock()
    breaker = Breaker(clock=clock)
    fail(breaker, 3)
    clock.now += 1
    assert breaker.allows()

    clock.now += 10

    assert breaker.allows()
