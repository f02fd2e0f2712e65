"""What the troubles that processes tell of mean in words."""

from __future__ import annotations

import pytest

from domain.read.watch.troubles import troubles
from domain.telemetry.troubles import Recent, Troubles, all_troubles


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_trouble_is_told_for_a_minute():
    clock = Clock()
    process = Troubles(clock)
    for clock.now in (1000.0, 1050.0, 1055.0):
        process.happened("disk_full")

    assert process.said() == {"disk_full": (3, 0.0)}
    clock.now = 1061.0
    assert process.said() == {"disk_full": (2, 6.0)}
    clock.now = 1200.0
    assert process.said() == {}


def test_a_flood_of_troubles_takes_no_memory():
    process = Troubles()
    for _ in range(5000):
        process.happened("unknown_key")

    assert process.said()["unknown_key"][0] == 1000


def test_the_troubles_of_all_processes_are_put_together():
    one, other = {"troubles": {"disk_full": [2, 8.0]}}, {"troubles": {"disk_full": [1, 3.0], "unreadable": [4, 1.0]}}

    assert all_troubles([one, other, {}]) == {"disk_full": Recent(3, 3.0), "unreadable": Recent(4, 1.0)}


@pytest.mark.parametrize(
    ("trouble", "recent", "verdict", "said", "remedy"),
    [
        ("disk_full", Recent(3, 2.0), "unhealthy", "PostgreSQL's disk is full: it refused to write 3 times", "enlarge"),
        ("keys_unavailable", Recent(1, 50.0), "unhealthy", "1 requests with a token were answered with 503", "server"),
        ("unknown_key", Recent(5, 50.0), "degraded", "5 tokens were refused", "JWT_JWKS_URL"),
        ("unreadable", Recent(10, 50.0), "degraded", "10 answers in Redis could not be read", "CACHE_ENCRYPTION_KEYS"),
    ],
)
def test_each_is_said_with_what_to_do(trouble: str, recent: Recent, verdict: str, said: str, remedy: str):
    (reason,) = troubles({trouble: recent})

    assert reason.verdict == verdict
    assert said in reason.words
    assert remedy in reason.remedy


@pytest.mark.parametrize(
    ("trouble", "recent"),
    [("disk_full", Recent(3, 31.0)), ("unknown_key", Recent(4, 1.0)), ("unreadable", Recent(9, 1.0))],
)
def test_what_is_over_or_may_be_an_accident_is_not_said(trouble: str, recent: Recent):
    assert not list(troubles({trouble: recent}))
