from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import dramatiq
import pytest
import redis

from domain.model.position import Position
from workers.hints import HintSender
from workers.launcher.valkey import EmbeddedValkey
from workers.redis_broker import QUEUE


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def hints(redis_url: str) -> Iterator[HintSender]:
    sender = HintSender(redis_url)
    yield sender
    sender.close()


def waiting(client: redis.Redis) -> list[int]:
    """The shards of the hints in the queue."""
    messages = client.hgetall(f"dramatiq:{QUEUE}.msgs")
    ids = client.lrange(f"dramatiq:{QUEUE}", 0, -1)
    return [dramatiq.Message.decode(messages[id]).args[0] for id in ids]


def test_a_hint_names_the_shard_of_the_new_events(client: redis.Redis, hints: HintSender) -> None:
    hints.on_appended(Position(17, 4211), 3)

    assert waiting(client) == [17]


def test_at_most_one_hint_waits_for_each_shard(client: redis.Redis, hints: HintSender, redis_url: str) -> None:
    other = HintSender(redis_url)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: (hints, other)[number % 2].send(number % 3), range(60)))
    other.close()

    assert sorted(waiting(client)) == [0, 1, 2]


def test_a_shard_that_a_worker_has_begun_with_gets_a_hint_again(client: redis.Redis, hints: HintSender) -> None:
    hints.send(17)
    hints.clear(17)

    hints.send(17)

    assert waiting(client) == [17, 17]


def test_a_hint_that_was_lost_is_sent_again_after_a_while(client: redis.Redis, hints: HintSender) -> None:
    hints.send(17)
    client.delete(f"dramatiq:{QUEUE}", f"dramatiq:{QUEUE}.msgs")
    hints.send(17)
    assert waiting(client) == []

    (mark,) = client.keys("hint:*")
    assert 0 < client.pttl(mark) <= 3000
    client.pexpire(mark, 1)
    time.sleep(0.01)
    hints.send(17)

    assert waiting(client) == [17]


def test_the_queue_does_not_grow_without_end_while_there_is_no_worker(client: redis.Redis, hints: HintSender) -> None:
    for number in range(1100):
        hints.send(number % 256)
        hints.clear(number % 256)

    assert client.llen(f"dramatiq:{QUEUE}") == 1024


def test_a_command_hardly_notices_that_redis_is_down(
    redis_server: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    hints = HintSender(redis_server.url)
    hints.send(1)
    redis_server.kill()
    for shard in range(5):
        hints.send(shard)

    tried, send = [], hints._send
    monkeypatch.setattr(hints, "_send", lambda *a: (tried.append(a), send(*a)))
    for shard in range(200):
        hints.send(shard)

    # But for the one of each pause that tries again.
    assert len(tried) <= 3
    hints.close()


def test_hints_are_sent_again_when_redis_is_back(redis_server: EmbeddedValkey) -> None:
    hints = HintSender(redis_server.url)
    redis_server.kill()
    for shard in range(5):
        hints.send(shard)
    redis_server.start()
    deadline = time.monotonic() + 10

    with redis.Redis.from_url(redis_server.url) as client:
        while 99 not in waiting(client) and time.monotonic() < deadline:
            hints.send(99)
            time.sleep(0.05)

        assert 99 in waiting(client)
    hints.close()
