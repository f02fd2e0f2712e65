from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import dramatiq
import pytest
import redis

from domain.model.position import Position
from workers import hints as module
from workers.hints import HintSender
from workers.launcher.valkey import EmbeddedValkey
from workers.redis_broker import QUEUE


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, no mark ends by itself."""
    assert module._SHARED_MARK_LIFE <= 250
    monkeypatch.setattr(module, "_SHARED_MARK_LIFE", 60_000)


def messages(client: redis.Redis) -> list[tuple[int, ...]]:
    """The arguments of the hints in the queue."""
    messages = client.hgetall(f"dramatiq:{QUEUE}.msgs")
    ids = client.lrange(f"dramatiq:{QUEUE}", 0, -1)
    return [tuple(dramatiq.Message.decode(messages[id]).args) for id in ids]


def lose_messages(client: redis.Redis) -> None:
    client.delete(f"dramatiq:{QUEUE}", f"dramatiq:{QUEUE}.msgs")


def expire(client: redis.Redis, mark: str, within: int) -> None:
    """Let the time pass for which *mark* lasts, which is no longer than so many milliseconds."""
    assert 0 < client.pttl(mark) <= within
    client.pexpire(mark, 1)
    time.sleep(0.01)


def test_a_hint_names_the_shard_of_the_new_events(client: redis.Redis, hints: HintSender) -> None:
    hints.on_appended(Position(17, 4211), 3)

    assert messages(client) == [(17,)]


def test_one_hint_is_a_message_and_the_others_wait_for_who_takes_it(
    client: redis.Redis, hints: HintSender, redis_url: str
) -> None:
    other = HintSender(redis_url)
    for shard in (17, 250, 3, 250):
        hints.send(shard)
        other.send(3)

    assert messages(client) == [(17,)]
    # Those that wait longest come first.
    assert other.take(17, most=1) == [17, 3]
    assert hints.take(17, most=100) == [17, 250]
    assert hints.take(5, most=100) == [5]
    other.close()


def test_many_at_a_time_send_one_message_and_lose_none(client: redis.Redis, hints: HintSender, redis_url: str) -> None:
    other = HintSender(redis_url)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: (hints, other)[number % 2].send(number % 30), range(300)))
    other.close()

    ((first,),) = messages(client)
    assert sorted(hints.take(first, most=100)) == list(range(30))


def test_news_that_come_after_the_shards_were_taken_have_a_message_of_their_own(
    client: redis.Redis, hints: HintSender
) -> None:
    hints.send(17)
    hints.take(17, most=100)

    hints.send(17)

    assert messages(client) == [(17,), (17,)]


def test_after_a_message_was_lost_the_next_soon_brings_all_that_wait(client: redis.Redis, hints: HintSender) -> None:
    hints.send(17)
    lose_messages(client)
    hints.send(18)
    assert messages(client) == []

    expire(client, "hint:project", within=60_000)
    hints.send(19)

    assert messages(client) == [(19,)]
    assert hints.take(19, most=100) == [19, 18]


def test_a_shard_that_needs_a_turn_of_its_own_has_one_message(client: redis.Redis, hints: HintSender) -> None:
    hints.send(17)
    for _ in range(3):
        hints.send_alone(17)
        hints.send(18)

    assert messages(client) == [(17,), (17, True)]
    assert hints.take(17, most=100) == [17, 18]
    hints.clear(17)
    hints.send_alone(17)
    assert messages(client) == [(17,), (17, True), (17, True)]


def test_at_most_one_hint_of_the_batch_strategy_waits_for_each_shard(client: redis.Redis, hints: HintSender) -> None:
    for number in range(9):
        hints.send(number % 3, "project_batch")
    assert sorted(messages(client)) == [(0,), (1,), (2,)]

    hints.clear(1, "project_batch")
    for number in range(3):
        hints.send(number, "project_batch")

    assert sorted(messages(client)) == [(0,), (1,), (1,), (2,)]


def test_a_hint_for_one_shard_that_was_lost_is_sent_again_after_a_while(client: redis.Redis, hints: HintSender) -> None:
    hints.send_alone(17)
    lose_messages(client)
    hints.send_alone(17)
    assert messages(client) == []

    expire(client, "hint:alone:17", within=3000)
    hints.send_alone(17)

    assert messages(client) == [(17, True)]


def test_a_web_process_of_the_release_before_is_not_kept_from_sending_hints(
    client: redis.Redis, hints: HintSender
) -> None:
    client.set("hint:17", 1, px=3000)

    hints.take(17, most=100)

    assert not client.exists("hint:17")


def test_without_redis_a_worker_has_the_shard_that_it_was_told_of(redis_server: EmbeddedValkey) -> None:
    hints = HintSender(redis_server.url)
    redis_server.kill()

    assert hints.take(17, most=100) == [17]
    hints.close()


def test_the_queue_does_not_grow_without_end_while_there_is_no_worker(client: redis.Redis, hints: HintSender) -> None:
    for number in range(1100):
        hints.send(number % 256)
        client.delete("hint:project")

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
        while (99,) not in messages(client) and time.monotonic() < deadline:
            hints.send(99)
            time.sleep(0.05)

        assert (99,) in messages(client)
    hints.close()
