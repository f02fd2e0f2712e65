from __future__ import annotations

import weakref

from domain.cache.answer import Found
from domain.cache.l1 import L1, LONGEST
from domain.model.position import Position

NOW = 1000.0


def found(body: bytes | None = b"{}", offset: int = 5, tags: tuple[str, ...] = ("user:1",), ends: float = 1e9) -> Found:
    return Found(body, Position(3, offset), tags, ends, "l2", "etag")


def put(l1: L1, text: str = "k", tenant: str = "t", **fields) -> bool:
    return l1.put(l1.ticket(), tenant, text, found(**fields), NOW)


def test_what_is_stored_is_found():
    l1 = L1(2**20)
    assert put(l1)
    assert l1.get("t", "k", 0, NOW) == found()._replace(level="l1")
    assert l1.get("t", "other", 0, NOW) is None
    assert l1.get("other", "k", 0, NOW) is None


def test_it_is_not_given_to_one_who_has_seen_more():
    l1 = L1(2**20)
    put(l1)
    assert l1.get("t", "k", 5, NOW) is not None
    assert l1.get("t", "k", 6, NOW) is None


def test_it_ends():
    l1 = L1(2**20)
    put(l1, "short", ends=NOW + 1)
    put(l1, "long")
    assert l1.get("t", "short", 0, NOW + 0.9) is not None
    assert l1.get("t", "short", 0, NOW + 1) is None
    assert l1.get("t", "long", 0, NOW + LONGEST - 1) is not None
    assert l1.get("t", "long", 0, NOW + LONGEST) is None


def test_a_raised_tag_ends_what_is_older():
    l1 = L1(2**20)
    put(l1)
    l1.fences.raise_("t", {"user:1": 5})
    assert l1.get("t", "k", 0, NOW) is not None

    l1.fences.raise_("t", {"user:1": 6})

    assert l1.get("t", "k", 0, NOW) is None


def test_other_tags_and_other_tenants_change_nothing():
    l1 = L1(2**20)
    put(l1)
    l1.fences.raise_("t", {"user:2": 9})
    l1.fences.raise_("u", {"user:1": 9, "*": 9})
    assert l1.get("t", "k", 0, NOW) is not None
    l1.fences.raise_("t", {"*": 6})
    assert l1.get("t", "k", 0, NOW) is None


def test_a_slow_fill_is_held_against_what_was_raised_before_it_came():
    l1 = L1(2**20)
    ticket = l1.ticket()
    l1.fences.raise_("t", {"user:1": 6})

    l1.put(ticket, "t", "k", found(offset=5), NOW)

    assert l1.get("t", "k", 0, NOW) is None


def test_nothing_comes_in_that_set_out_before_it_was_emptied():
    l1 = L1(2**20)
    ticket = l1.ticket()
    put(l1)

    l1.empty()

    assert l1.get("t", "k", 0, NOW) is None
    assert not l1.put(ticket, "t", "k", found(), NOW)
    assert (len(l1), l1.bytes) == (0, 0)


def test_too_many_raised_tags_are_not_kept():
    l1 = L1(2**20)
    l1.fences._most_tags = 10
    assert all(l1.fences.raise_("t", {f"user:{n}": 1}) for n in range(10))
    assert not l1.fences.raise_("t", {"user:10": 1})


def test_it_stays_within_its_bytes_and_a_noisy_tenant_within_a_quarter():
    l1 = L1(1_000_000)
    for n in range(20):
        put(l1, f"quiet {n}", f"tenant {n % 4}", body=bytes(10_000))
    for n in range(1000):
        put(l1, f"noise {n}", "noisy", body=bytes(10_000))

    assert l1._shelves["noisy"].currsize <= 250_000
    assert all(l1.get(f"tenant {n % 4}", f"quiet {n}", 0, NOW) for n in range(20))
    assert l1.bytes == sum(shelf.currsize for shelf in l1._shelves.values()) <= 1_000_000
    assert l1.evicted > 900

    for n in range(1000):
        put(l1, f"k {n}", f"many {n % 50}", body=bytes(10_000))
    assert l1.bytes == sum(shelf.currsize for shelf in l1._shelves.values()) <= 1_000_000


def test_the_least_recently_used_gives_way():
    l1 = L1(100_000)
    for name in "abc":
        put(l1, name, body=bytes(7_000))
    l1.get("t", "a", 0, NOW)

    put(l1, "d", body=bytes(7_000))

    assert [name for name in "abcd" if l1.get("t", name, 0, NOW)] == ["a", "c", "d"]


def test_what_is_used_again_and_again_outlasts_all_that_is_used_once():
    l1 = L1(100_000)
    put(l1, "hot", body=bytes(7_000))
    for n in range(50):
        put(l1, f"cold {n}", body=bytes(7_000))
        assert l1.get("t", "hot", 0, NOW) is not None
    assert l1.bytes == l1._shelves["t"].currsize <= 25_000


def test_where_all_were_used_something_gives_way_all_the_same():
    l1 = L1(100_000)
    for name in "abcdefg":
        put(l1, name, body=bytes(7_000))
        l1.get("t", name, 0, NOW)

    assert [name for name in "abcdefg" if l1.get("t", name, 0, NOW)] == ["e", "f", "g"]


def test_who_refers_to_it_has_it_until_memory_lets_it_go():
    l1 = L1(2**20)
    put(l1)
    kept = weakref.ref(l1.look("t", "k"))
    assert kept().stands(NOW)

    put(l1, offset=6)
    assert kept() is None

    kept = weakref.ref(l1.look("t", "k"))
    l1.empty()
    assert kept() is None


def test_the_same_answer_again_is_the_same_for_who_refers_to_it():
    l1 = L1(2**20)
    put(l1, ends=NOW + 1)
    kept = l1.look("t", "k")

    assert put(l1, ends=NOW + 10)

    assert l1.look("t", "k") is kept
    assert kept.stands(NOW + 9)
    assert l1.bytes == l1._shelves["t"].currsize


def test_a_raised_tag_ends_what_somebody_refers_to():
    l1 = L1(2**20)
    put(l1)
    kept = l1.look("t", "k")
    assert kept.stands(NOW)

    l1.fences.raise_("t", {"user:1": 6})

    assert not kept.stands(NOW)


def test_what_is_too_large_is_not_kept():
    l1 = L1(100_000)
    assert not put(l1, body=bytes(25_000))
    assert l1.bytes == 0


def test_a_purge_frees_what_nobody_can_get():
    l1 = L1(2**20)
    put(l1, "ended", ends=NOW + 1)
    put(l1, "raised", tags=("user:2",))
    put(l1, "good")
    l1.fences.raise_("t", {"user:2": 9})

    l1.purge(NOW + 1)

    assert len(l1) == 1
    assert l1.bytes == l1._shelves["t"].currsize
    assert l1.evicted == 0
