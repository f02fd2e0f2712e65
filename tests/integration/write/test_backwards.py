"""Events of a tenant or of an aggregate, the newest first."""

from __future__ import annotations

from uuid import uuid4

import pytest

from domain.model.position import shard_of
from domain.write.event_store import EventStore
from tests.integration.write.appends import (
    activated,
    append,
    registered,
    renamed,
    tenant_created,
)


def test_a_tenants_events_are_read_backwards_page_by_page(store: EventStore, tenant: str):
    user = registered(tenant)
    store.append(append(tenant, user, activated(user.aggregate_id), registered(tenant)))

    first = store.backwards(tenant, None, 3)
    second = store.backwards(tenant, first.before, 3)

    assert [event.position for event in first.events] == [4, 3, 2]
    assert ([event.position for event in second.events], second.before) == ([1], None)


def test_one_aggregates_events_are_read_backwards_page_by_page(store: EventStore, tenant: str):
    user = registered(tenant)
    store.append(append(tenant, user, registered(tenant), activated(user.aggregate_id)))
    store.append(append(tenant, renamed(user.aggregate_id, 3)))

    first = store.backwards(tenant, None, 2, user.aggregate_id)
    second = store.backwards(tenant, first.before, 2, user.aggregate_id)

    assert [event.version for event in first.events] == [3, 2]
    assert ([event.version for event in second.events], second.before) == ([1], None)


def test_another_tenants_events_are_not_among_them(store: EventStore, tenant: str):
    shard, other = shard_of(tenant), str(uuid4())
    while shard_of(other) != shard:
        other = str(uuid4())
    store.append(append(other, tenant_created(other)))
    user = registered(tenant)
    store.append(append(tenant, user))

    assert [event.position for event in store.backwards(tenant, None, 10).events] == [3, 1]
    assert store.backwards(other, None, 10, user.aggregate_id).events == []


def test_a_page_looks_at_a_bounded_part_of_the_log(store: EventStore, tenant: str, monkeypatch: pytest.MonkeyPatch):
    for module in ("memory_store", "postgres_store"):
        monkeypatch.setattr(f"domain.write.{module}.WINDOW", 2)
    store.append(append(tenant, *(registered(tenant) for _ in range(4))))

    pages, before = [], None
    while not pages or before is not None:
        events, before = store.backwards(tenant, before, 10)
        pages.append([event.position for event in events])

    assert pages == [[5, 4], [3, 2], [1]]
