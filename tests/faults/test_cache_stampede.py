"""A thousand ask at once for what isn't there."""

from __future__ import annotations

import pytest
import redis

from tests.integration.cache.conftest import wait_until
from tests.integration.cache.test_single_flight import PROCESSES, start

pytestmark = pytest.mark.fault

THREADS = 250


@pytest.fixture
def client(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        yield client


def test_a_thousand_misses_are_one_load(redis_url, client):
    processes, answers = start(redis_url, 0.3, threads=THREADS)

    assert [answers.get(timeout=30) for _ in range(PROCESSES * THREADS)] == [1] * PROCESSES * THREADS
    for process in processes:
        process.join()
    assert int(client.get("loads")) == 1


def test_and_two_if_the_one_who_loads_is_killed(redis_url, client):
    processes, answers = start(redis_url, 0.3, lead_dies=True, threads=THREADS)
    wait_until(lambda: client.get("leader") is not None, 30)
    pid = int(client.get("leader"))
    (leader,) = [process for process in processes if process.pid == pid]
    leader.kill()

    assert [answers.get(timeout=30) for _ in range((PROCESSES - 1) * THREADS)] == [1] * (PROCESSES - 1) * THREADS
    for process in processes:
        process.join()
    assert int(client.get("loads")) == 2
