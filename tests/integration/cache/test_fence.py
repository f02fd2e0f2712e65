"""Nothing old is ever given again, whoever brings it and whatever Redis loses."""

from __future__ import annotations

import time

import pytest

from domain.cache.epoch import STATE
from domain.model.position import Position
from tests.integration.cache.world import SHARD, TENANT, USER, key, tag, value_of

OTHER = "33333333-3333-4333-8333-333333333333"


def get(cache, truth, **options):
    found = cache.get_or_load(key(), truth.read, **options)
    return value_of(found.body), found.level


def test_an_answer_is_loaded_once(cache, truth):
    assert get(cache, truth) == (1, "load")
    assert get(cache, truth) == (1, "l2")
    assert truth.loads == 1


def test_an_invalidated_answer_is_loaded_again(cache, truth, change):
    get(cache, truth)
    change(2)
    assert get(cache, truth) == (2, "load")
    assert get(cache, truth) == (2, "l2")


def test_what_others_change_changes_nothing(cache, truth, invalidator):
    get(cache, truth)
    invalidator.raise_({TENANT: {tag(OTHER): truth.write(5, OTHER), "users": truth.offset}})
    assert get(cache, truth) == (1, "l2")


def test_a_slow_reader_cannot_bring_an_old_answer_back(cache, truth, change):
    found = cache.get_or_load(key(), truth.slowly(lambda: change(2)))

    assert value_of(found.body) == 1
    assert get(cache, truth) == (2, "load")
    assert cache.counters.totals()["l2", "user", "rejected"] == 1


def test_a_slow_refresh_cannot_bring_an_old_answer_back(cache, truth, change):
    get(cache, truth)
    assert not cache.refresh(key(), truth.slowly(lambda: change(2)))
    assert get(cache, truth) == (2, "load")


def test_an_invalidation_that_comes_twice_or_late_lowers_nothing(cache, truth, change, invalidator):
    change(2)
    newest = change(3)
    invalidator.raise_({TENANT: {tag(): newest - 1}})
    old = truth.slowly(lambda: None)()._replace(position=Position(SHARD, newest - 1))

    cache.get_or_load(key(), lambda: old)

    assert get(cache, truth) == (3, "load")


def test_an_older_answer_does_not_replace_a_newer_one(cache, truth):
    get(cache, truth)
    old = truth.read()
    truth.write(2)
    assert cache.refresh(key(), truth.read)

    assert not cache.refresh(key(), lambda: old)

    assert get(cache, truth) == (2, "l2")


def test_a_lost_fence_makes_a_miss(cache, truth, client):
    get(cache, truth)
    (fences,) = client.keys("cache:{1*fences")
    client.delete(fences)
    assert get(cache, truth) == (1, "load")


def test_a_fence_lost_during_a_load_lets_nothing_in(cache, truth, client, change):
    def lose_it_and_make_it_again() -> None:
        (fences,) = client.keys("cache:{1*fences")
        client.delete(fences)
        change(2)
        assert get_other(cache, truth)

    found = cache.get_or_load(key(), truth.slowly(lose_it_and_make_it_again))

    assert value_of(found.body) == 1
    assert get(cache, truth) == (2, "load")


def get_other(cache, truth) -> bool:
    """Any look makes the tenant's fence anew."""
    return cache.get_or_load(key(OTHER), lambda: truth.read(OTHER)).body is None


def test_a_fence_made_anew_at_the_same_position_lets_nothing_in(cache, truth, invalidator):
    def change_behind_the_checkpoint() -> None:
        truth._values[USER] = 2
        invalidator.renew_tags({TENANT: []})
        assert get_other(cache, truth)

    found = cache.get_or_load(key(), truth.slowly(change_behind_the_checkpoint))

    assert value_of(found.body) == 1
    # It is not even stored: a look-up would pass over it, and memory would not.
    assert cache.counters.totals()["l2", "user", "rejected"] == 1
    assert cache.l1.get(TENANT, key().text, 0, time.monotonic()) is None
    assert get(cache, truth) == (2, "load")


def test_an_invalidation_without_a_fence_is_remembered(cache, truth, client, change):
    get(cache, truth)
    old = truth.read()
    (fences,) = client.keys("cache:{1*fences")
    client.delete(fences)
    # The reader of a replica that has not heard of the change yet, nor who asks how far the database is.
    truth.applied, applied = (lambda _: old.position.offset), truth.applied
    cache.l2._applied = truth.applied
    change(2)

    cache.get_or_load(key(), lambda: old)

    cache.l2._applied = applied
    assert get(cache, truth) == (2, "load")


@pytest.mark.parametrize("lose", [lambda client: client.flushall(), lambda client: client.delete(STATE)])
def test_nothing_old_survives_the_loss_of_everything(cache, truth, client, change, lose):
    get(cache, truth)
    lose(client)
    assert get(cache, truth) == (1, "load")

    def lose_and_change() -> None:
        lose(client)
        change(2)

    truth.write(1)
    cache.refresh(key(), truth.slowly(lose_and_change))
    assert get(cache, truth) == (2, "load")


def test_one_who_knows_only_the_old_epoch_is_told(caches, redis_url, truth, change, invalidator):
    one, other = caches(redis_url), caches(redis_url)
    for each in (one, other):
        each.start = lambda: None
        get(each, truth)

    invalidator.renew_all()

    assert get(one, truth) == (1, "load")
    assert get(other, truth) == (1, "l2")
    change(2)
    assert [get(each, truth)[0] for each in (one, other)] == [2, 2]


def test_what_changes_behind_the_checkpoint_is_dropped_by_hand(cache, truth, invalidator):
    old = truth.read()
    get(cache, truth)
    # A parked aggregate is released: the rows change, the position does not.
    truth._values[USER] = 2

    invalidator.renew_tags({TENANT: [tag()]})

    assert get(cache, truth) == (2, "load")
    # Nor can one who read before bring it back.
    truth._values[USER] = 3
    cache.refresh(key(), lambda: invalidator.renew_tags({TENANT: [tag()]}) or old)
    assert get(cache, truth) == (3, "load")
    invalidator.renew_tags({TENANT: ["class:user"]})
    assert get(cache, truth) == (3, "load")
    invalidator.renew_tags({TENANT: []})
    assert get(cache, truth) == (3, "load")
    assert get(cache, truth) == (3, "l2")


def test_a_tenant_with_too_many_tags_gets_a_new_fence(cache, truth, change, invalidator, monkeypatch):
    monkeypatch.setattr("domain.cache.invalidation.MOST_TAGS", 10)
    get(cache, truth)
    for n in range(12):
        invalidator.raise_({TENANT: {f"user:{n}": truth.write(5, OTHER)}})

    assert get(cache, truth) == (1, "load")
    change(2)
    assert get(cache, truth) == (2, "load")


def test_who_has_seen_more_passes_over_what_is_there(cache, truth):
    get(cache, truth)
    offset = truth.write(2)  # Not invalidated yet.

    assert get(cache, truth) == (1, "l2")
    assert get(cache, truth, min_position=Position(SHARD, offset)) == (2, "load")
    assert get(cache, truth, min_position=Position(SHARD, offset)) == (2, "l2")
    assert get(cache, truth, min_position=Position(SHARD + 1, 10**6)) == (2, "l2")


@pytest.mark.parametrize("bare", [True, False])
def test_absence_is_cached_and_ends_with_what_comes(cache, truth, change, bare):
    change(None)

    def load():
        loaded = truth.read()
        return None if bare and loaded.body is None else loaded

    assert cache.get_or_load(key(), load).body is None
    found = cache.get_or_load(key(), load)
    assert (found.body, found.level) == (None, "l2")

    change(2)

    assert value_of(cache.get_or_load(key(), load).body) == 2


def test_a_slow_reader_cannot_bring_absence_back(cache, truth, change):
    change(None)

    def load() -> None:
        change(2)

    assert cache.get_or_load(key(), load).body is None
    assert get(cache, truth) == (2, "load")


def test_an_answer_is_refreshed_by_one_before_it_ends(cache, truth, client):
    get(cache, truth)
    (entry,) = client.keys("cache:{1*entry:*")
    client.pexpire(entry, 5_000)
    truth.write(2)  # Nothing that was invalidated, so that one can see who refreshes.

    assert get(cache, truth) == (2, "load")
    assert get(cache, truth) == (2, "l2")
    assert client.pttl(entry) > 700_000

    client.pexpire(entry, 5_000)

    def fails():
        raise ValueError

    assert value_of(cache.get_or_load(key(), fails).body) == 2


def test_a_refresh_from_a_replica_that_is_behind_gives_no_older_answer_than_there_is(cache, truth, client):
    behind = truth.read()
    truth.write(2)
    assert get(cache, truth) == (2, "load")
    (entry,) = client.keys("cache:{1*entry:*")
    client.pexpire(entry, 5_000)

    found = cache.get_or_load(key(), lambda: behind)

    assert (value_of(found.body), found.position.offset) == (2, truth.offset)


def test_what_can_not_be_read_is_a_miss_and_counted(cache, truth, client):
    get(cache, truth)
    (entry,) = client.keys("cache:{1*entry:*")
    sealed = client.hget(entry, "sealed")
    header = client.hget(entry, "header")
    damages = [("sealed", sealed[:-1]), ("sealed", b""), ("header", header[:-1] + b"x"), ("tags", b"user:9")]
    for field, damaged in damages:
        client.hset(entry, field, damaged)
        assert get(cache, truth) == (1, "load")
        assert get(cache, truth) == (1, "l2")
    assert cache.counters.totals()["l2", "user", "unreadable"] == len(damages)


def test_a_ciphertext_under_another_key_is_a_miss(caches, redis_url, truth, client):
    cache = caches(redis_url, encryption_keys={"1": bytes(32)})
    cache.start = lambda: None
    truth.write(7, OTHER)
    for user in (USER, OTHER):
        cache.get_or_load(key(user), lambda user=user: truth.read(user))
    mine, other = sorted(client.keys("cache:{1*entry:*"))
    copied = client.hgetall(other)
    copied[b"tags"] = client.hget(mine, "tags")
    client.hset(mine, mapping=copied)

    assert get(cache, truth) == (1, "load")


def test_what_a_loader_raises_is_raised_and_leaves_no_lease(cache, truth, client):
    def fails():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cache.get_or_load(key(), fails)
    assert client.keys("cache:{1*lease*") == []
    assert get(cache, truth) == (1, "load")
    assert client.keys("cache:{1*lease*") == []
