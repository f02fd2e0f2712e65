"""How much the fast path keeps, and what gives way."""

from __future__ import annotations

from domain.cache.answer import Found
from domain.cache.keys import key_of
from domain.model.position import Position
from web.fast_path.finished import Finished
from web.fast_path.memory import Asked, Memory
from web.fast_path.offer import Offer
from web.limits.meter import Unlimited

TENANT, USER = "7d7b1a52-3b43-4c5b-8a5e-3a4f6e1d2c3b", "9a0c3a0e-5a6f-4e3c-8d5e-0d9e6a1b2c3d"


#: Bytes of one answer and of the request it is for.
SIZE = 1700


UNLIMITED = Unlimited()


def nothing() -> None:
    """What memory has let go."""


def finished(etag: str = "e") -> Finished:
    found = Found(b"{}", Position(1, 2), (), 0.0, "l1", etag)
    offer = Offer(key_of("user", TENANT, user_id=USER), found, 1.0, 0, "principal", "/route")
    headers = [("ETag", f'"{etag}"'), ("X-Request-ID", "one"), ("Content-Length", "2")]
    return Finished.of(offer, headers, nothing, UNLIMITED)


def asked(number: int) -> Asked:
    return (f"Bearer {number}", "/path", "", "", "http", "")


def test_its_bytes_are_bounded() -> None:
    size = SIZE
    memory = Memory(100 * size)
    for number in range(1000, 2000):
        memory.put(asked(number), finished())

    assert 50 <= len(memory) <= 100


def test_what_was_asked_for_lately_stays() -> None:
    size = SIZE
    memory = Memory(100 * size)
    memory.put(asked(1), finished("hot"))
    for number in range(1000, 2000):
        memory.put(asked(number), finished())
        assert memory.get(asked(1)) == finished("hot")

    assert memory.get(asked(1000)) is None


def test_what_is_larger_than_the_memory_is_not_kept() -> None:
    memory = Memory(0)
    memory.put(asked(1), finished())

    assert memory.get(asked(1)) is None


def test_a_newer_answer_takes_the_place_of_the_older() -> None:
    memory = Memory(10**6)
    for etag in ("one", "two"):
        memory.put(asked(1), finished(etag))

    assert memory.get(asked(1)) == finished("two")


def test_headers_that_are_another_s_each_time_are_not_kept_and_a_304_has_no_entity_headers() -> None:
    assert finished().headers == [("ETag", '"e"'), ("Content-Length", "2")]
    assert finished().unchanged == [("ETag", '"e"')]
