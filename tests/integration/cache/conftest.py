from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import redis

from domain.breaker import CircuitBreaker
from domain.cache.cache import Cache
from domain.cache.factory import make_cache, make_invalidator
from domain.cache.invalidation import RedisInvalidator
from tests.integration.cache.world import TENANT, Truth, tag

Caches = Callable[..., Cache]


@pytest.fixture
def truth() -> Truth:
    truth = Truth()
    truth.write(1)
    return truth


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def caches(truth: Truth) -> Iterator[Caches]:
    """Makes caches, each as if in a process of its own."""
    with ExitStack() as stack:

        def make(url: str, **settings) -> Cache:
            cache = make_cache(url, truth.applied, **settings)
            for each in (cache.l2._client, cache.reader._client, cache.telemetry._client):
                stack.callback(each.close)
            stack.callback(cache.close)
            return cache

        yield make


def patient(cache: Cache) -> Cache:
    """Let *cache*, which has not been used, take a machine that runs all tests at once for no failing Redis."""
    cache.l2._client.connection_pool.connection_kwargs.update(socket_timeout=10, socket_connect_timeout=10)
    cache.l2.guard.breaker = CircuitBreaker(failures=1_000_000)
    return cache


@pytest.fixture
def cache(caches: Caches, redis_url: str) -> Cache:
    """A cache whose own memory isn't used: what it gives comes from Redis or the loader."""
    cache = caches(redis_url)
    cache.start = lambda: None
    return cache


@pytest.fixture
def listening(caches: Caches, redis_url: str) -> Cache:
    """A cache that uses its own memory."""
    cache = caches(redis_url)
    cache.start()
    wait_until(lambda: trusted(cache))
    return cache


@pytest.fixture
def invalidator(redis_url: str) -> Iterator[RedisInvalidator]:
    invalidator = make_invalidator(redis_url)
    yield invalidator
    invalidator.close()


@pytest.fixture
def change(truth: Truth, invalidator: RedisInvalidator) -> Callable[..., int]:
    """Write a value and invalidate what shows it."""

    def change(value: int | None) -> int:
        offset = truth.write(value)
        invalidator.raise_({TENANT: {tag(): offset}})
        return offset

    return change


def trusted(cache: Cache) -> bool:
    return time.monotonic() < cache.reader.trusted_until


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "It did not come about in time."
        time.sleep(0.005)
