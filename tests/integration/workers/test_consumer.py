"""A worker that has nothing to do is woken by the next message."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit
from uuid import uuid4

import dramatiq
import pytest
import redis

from workers import consumer as consumers
from workers.hints import HintSender
from workers.redis_broker import QUEUE, make_broker

#: Makes a consumer of hints with a connection by that URL.
Consume = Callable[[str], dramatiq.Consumer]


@pytest.fixture
def consume() -> Iterator[Consume]:
    with ExitStack() as stack:

        def make(url: str) -> dramatiq.Consumer:
            broker = make_broker(url, timeout=2.0)
            stack.callback(broker.close)
            consumer = broker.consume(QUEUE, prefetch=8, timeout=20)
            stack.callback(consumer.close)
            return consumer

        yield make


def taken(consumer: dramatiq.Consumer, looks: int) -> list[int]:
    """The shards of the messages that come within so many looks."""
    found = []
    for _ in range(looks):
        message = next(consumer)
        if message is not None:
            found.append(message.args[0])
            consumer.ack(message)
    return found


def test_what_was_sent_before_a_consumer_heard_anything_is_found(
    redis_url: str, consume: Consume, hints: HintSender
) -> None:
    consumer = consume(redis_url)
    assert next(consumer) is None

    hints.send_alone(1)

    # The first look found nothing, and it is not waited for a ring that nobody has heard.
    assert taken(consumer, looks=1) == [1]


def test_each_message_rings(redis_url: str, consume: Consume, hints: HintSender) -> None:
    consumer = consume(redis_url)
    taken(consumer, looks=2)
    bell = redis.Redis.from_url(redis_url)
    heard = bell.pubsub(ignore_subscribe_messages=True)
    heard.subscribe(f"dramatiq:{QUEUE}")
    heard.get_message(timeout=10)

    for shard in range(3):
        hints.send_alone(shard)
        hints.send_alone(shard)

    assert [heard.get_message(timeout=each) is not None for each in (10, 10, 10, 1)] == [True, True, True, False]
    heard.close()
    bell.close()


def test_a_ring_ends_the_wait(
    redis_url: str, consume: Consume, hints: HintSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a consumer that has nothing to do and would wait for longer than the test
    monkeypatch.setattr(consumers, "_LOOK", 60.0)
    consumer = consume(redis_url)
    found: list[int] = []

    def wait() -> None:
        while not found:
            found.extend(taken(consumer, looks=1))

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    time.sleep(0.2)

    # When a message comes
    hints.send_alone(4)

    # Then it is taken
    waiting.join(10)
    assert found == [4]


def test_what_did_not_ring_is_found_a_little_later(redis_url: str, consume: Consume) -> None:
    consumer = consume(redis_url)
    taken(consumer, looks=2)
    broker = make_broker(redis_url, timeout=2.0)

    broker.enqueue(dramatiq.Message(queue_name=QUEUE, actor_name="project", args=(5,), kwargs={}, options={}))

    assert taken(consumer, looks=3) == [5]
    broker.close()


def test_one_who_may_not_hear_nor_ring_gets_all_messages_too(redis_url: str, consume: Consume) -> None:
    with redis.Redis.from_url(redis_url) as client:
        name = f"deaf-{uuid4()}"
        client.execute_command("ACL", "SETUSER", name, "on", ">secret", "~*", "+@all", "resetchannels")
        place = urlsplit(redis_url)
        url = f"redis://{name}:secret@{place.hostname}:{place.port}{place.path}"
        consumer, sender = consume(url), HintSender(url)
        taken(consumer, looks=2)

        assert sender.send_alone(7)

        assert taken(consumer, looks=3) == [7]
        sender.close()
        client.execute_command("ACL", "DELUSER", name)


def test_messages_that_were_not_done_come_back(redis_url: str, consume: Consume, hints: HintSender) -> None:
    hints.send_alone(3)
    first = consume(redis_url)
    message = next(first)
    assert message is not None

    first.requeue([message])

    assert taken(consume(redis_url), looks=2) == [3]


def test_a_failed_message_goes_where_dramatiq_keeps_such(redis_url: str, consume: Consume, hints: HintSender) -> None:
    hints.send_alone(3)
    consumer = consume(redis_url)
    message = next(consumer)
    assert message is not None

    consumer.nack(message)

    with redis.Redis.from_url(redis_url) as client:
        assert client.zcard(f"dramatiq:{QUEUE}.XQ") == 1
    assert taken(consumer, looks=2) == []
