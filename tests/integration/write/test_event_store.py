"""What every event store has to do, whatever it keeps its events in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from domain.model.errors import (
    CommandAlreadyDone,
    ConcurrencyConflict,
)
from domain.model.event_log import Interest
from domain.model.position import Position, shard_of
from domain.write.event_store import EventStore, Snapshot
from tests.integration.write.appends import (
    NOW,
    activated,
    answer,
    append,
    registered,
    renamed,
    tenant_created,
)


def test_the_events_of_one_aggregate_are_read_alone(store: EventStore, tenant: str):
    user, other = registered(tenant), registered(tenant)
    shard = shard_of(tenant)
    store.append(append(tenant, user, other, activated(user.aggregate_id), activated(other.aggregate_id)))

    read = store.read_aggregate(shard, user.aggregate_id, after_version=0, limit=10)

    assert [(event.position, event.version) for event in read] == [(2, 1), (4, 2)]
    assert store.read_aggregate(shard, user.aggregate_id, after_version=1, limit=10) == read[1:]
    assert store.read_aggregate(shard, user.aggregate_id, after_version=0, limit=1) == read[:1]
    assert store.read_aggregate(shard + 1 & 255, user.aggregate_id, after_version=0, limit=10) == []


def test_an_append_gets_the_next_positions_of_its_shard_and_reads_back_as_it_was(store: EventStore, tenant: str):
    user = registered(tenant)

    position = store.append(append(tenant, user, activated(user.aggregate_id)))

    assert position == Position(shard_of(tenant), 3)
    assert store.head(position.shard) == 3
    assert store.heads() == {position.shard: 3}
    first, second = store.read(position.shard, after=1, limit=10)
    assert (first.position, first.version, second.position, second.version) == (2, 1, 3, 2)
    assert first.event_id == user.event_id
    assert (first.tenant_id, first.aggregate_type, first.aggregate_id) == (tenant, "user", user.aggregate_id)
    assert (first.event_type, first.schema_version, first.payload) == ("user.registered", 1, user.event.payload())
    assert first.occurred_at == NOW
    assert first.metadata == {"correlation_id": "test", "actor_id": "tester"}


def test_reading_is_limited_and_goes_on_where_it_was_told(store: EventStore, tenant: str):
    store.append(append(tenant, *(registered(tenant) for _ in range(4))))
    shard = shard_of(tenant)

    assert [event.position for event in store.read(shard, 0, 2)] == [1, 2]
    assert [event.position for event in store.read(shard, 2, 9)] == [3, 4, 5]
    assert store.read(shard, 5, 9) == []
    assert store.read((shard + 1) % 256, 0, 9) == []
    assert store.head((shard + 1) % 256) == 0


def test_of_a_stretch_come_the_events_that_are_folded_and_both_ends_without_metadata(store: EventStore, tenant: str):
    ada, bob = registered(tenant), registered(tenant)
    store.append(append(tenant, ada, activated(ada.aggregate_id), bob, activated(bob.aggregate_id), registered(tenant)))
    shard, registrations = shard_of(tenant), Interest(["user"], ["user.activated"])

    def positions(after: int, limit: int, only: Interest) -> list[int]:
        return [event.position for event in store.read(shard, after, limit, only)]

    assert positions(0, 9, registrations) == [1, 2, 4, 6]
    assert positions(0, 5, registrations) == [1, 2, 4, 5]
    assert positions(2, 9, registrations) == [3, 4, 6]
    assert positions(5, 1, registrations) == [6]
    assert positions(6, 9, registrations) == []
    assert positions(0, 9, Interest(["workspace"], [])) == [1, 6]
    (whole,) = store.read(shard, 1, 1)
    assert whole.metadata
    assert store.read(shard, 1, 1, registrations) == [whole._replace(metadata={})]


@pytest.mark.parametrize("expected", [0, 2, 7])
def test_another_version_than_expected_is_a_conflict_and_leaves_nothing(store: EventStore, tenant: str, expected: int):
    user = registered(tenant)
    store.append(append(tenant, user))

    with pytest.raises(ConcurrencyConflict) as conflict:
        store.append(append(tenant, renamed(user.aggregate_id, expected + 1)))

    assert (conflict.value.data["expected"], conflict.value.data["actual"]) == (expected, 1)
    assert store.head(shard_of(tenant)) == 2


def test_an_append_can_depend_on_an_aggregate_that_gets_no_event(store: EventStore, tenant: str):
    witness, other = registered(tenant), registered(tenant)
    store.append(append(tenant, witness, activated(witness.aggregate_id)))

    with pytest.raises(ConcurrencyConflict):
        store.append(append(tenant, other, expected={other.aggregate_id: 0, witness.aggregate_id: 1}))
    store.append(append(tenant, other, expected={other.aggregate_id: 0, witness.aggregate_id: 2}))

    assert store.head(shard_of(tenant)) == 4


def test_an_idempotency_record_is_stored_with_its_events_and_only_once(store: EventStore, tenant: str):
    user, second = registered(tenant), registered(tenant)
    position = store.append(append(tenant, user, idempotency=[answer("k", user.aggregate_id, ordinal=1)]))

    with pytest.raises(CommandAlreadyDone) as error:
        store.append(append(tenant, second, idempotency=[answer("other"), answer("k", ordinal=1)]))

    assert error.value.data["keys"] == ["k"]
    found = store.answered(tenant, ["k", "other"])
    assert list(found) == ["k"]
    assert found["k"].fingerprint == "f"
    assert found["k"].response == {"id": user.aggregate_id, "version": 1, "position": str(position)}
    assert store.answered(str(uuid4()), ["k"]) == {}
    assert store.head(position.shard) == position.offset


def test_each_record_of_a_batch_gets_the_position_of_its_own_event(store: EventStore, tenant: str):
    store.append(
        append(
            tenant, registered(tenant), registered(tenant), idempotency=[answer("a", ordinal=1), answer("b", ordinal=2)]
        )
    )

    found = store.answered(tenant, ["a", "b"])
    shard = shard_of(tenant)
    assert [found[key].response["position"] for key in "ab"] == [f"{shard}-2", f"{shard}-3"]


def test_a_command_that_changes_nothing_is_remembered_too(store: EventStore, tenant: str):
    position = store.append(append(tenant, idempotency=[answer("k")]))

    assert position == Position(shard_of(tenant), 1)
    assert store.answered(tenant, ["k"])["k"].response["position"] == "0-0"
    with pytest.raises(CommandAlreadyDone):
        store.append(append(tenant, idempotency=[answer("k")]))


def test_old_idempotency_records_are_forgotten(store: EventStore, tenant: str):
    store.append(append(tenant, idempotency=[answer("k")]))

    assert store.forget_answers(datetime.now(UTC) - timedelta(hours=24), limit=10) == 0
    assert store.forget_answers(datetime.now(UTC) + timedelta(hours=1), limit=10) == 1
    assert store.answered(tenant, ["k"]) == {}


def test_no_more_idempotency_records_than_asked_for_are_forgotten_and_the_oldest_go_first(
    store: EventStore, tenant: str
):
    for key in ("first", "second", "third"):
        store.append(append(tenant, idempotency=[answer(key)]))

    assert store.forget_answers(datetime.now(UTC) + timedelta(hours=1), limit=2) == 2
    assert list(store.answered(tenant, ["first", "second", "third"])) == ["third"]


def test_a_history_is_the_snapshot_and_the_events_past_it(store: EventStore, tenant: str):
    user, other = registered(tenant), registered(tenant)
    id = user.aggregate_id
    store.append(append(tenant, user, activated(id), renamed(id, 3), other))

    whole = store.histories(tenant, {id: 1, other.aggregate_id: 1, str(uuid4()): 1})
    assert [len(history.events) for history in whole.values()] == [3, 1, 0]
    assert [event.version for event in whole[id].events] == [1, 2, 3]

    snapshot = Snapshot(version=2, position=3, schema_version=1, state={"email": "a", "roles": ["user"]})
    store.save_snapshot(tenant, id, snapshot)
    kept, events = store.histories(tenant, {id: 1})[id]
    assert kept == snapshot
    assert [event.version for event in events] == [3]

    assert store.histories(tenant, {id: 2})[id].snapshot is None, "a snapshot of an old shape is not used"
    assert len(store.histories(tenant, {id: 2})[id].events) == 3


def test_an_older_snapshot_never_replaces_a_newer_one(store: EventStore, tenant: str):
    id = str(uuid4())
    store.append(append(tenant, registered(tenant, user_id=id)))
    for version in (3, 2):
        store.save_snapshot(tenant, id, Snapshot(version, version, 1, {"n": version}))

    snapshot = store.histories(tenant, {id: 1})[id].snapshot
    assert snapshot
    assert snapshot.version == 3


def test_a_history_is_never_shown_to_another_tenant(store: EventStore, tenant: str):
    user = registered(tenant)
    store.append(append(tenant, user))
    neighbour = next(id for id in (str(uuid4()) for _ in range(9999)) if shard_of(id) == shard_of(tenant))
    store.append(append(neighbour, tenant_created(neighbour)))

    assert store.histories(neighbour, {user.aggregate_id: 1})[user.aggregate_id] == (None, [])


def test_the_tenant_of_an_aggregate_is_found_without_knowing_its_shard(store: EventStore, tenant: str):
    user = registered(tenant)
    store.append(append(tenant, user))

    assert store.tenant_of(user.aggregate_id) == tenant
    assert store.tenant_of(str(uuid4())) is None


def test_it_tells_when_events_occurred_and_leaves_out_what_never_did(store: EventStore, tenant: str):
    position = store.append(append(tenant, registered(tenant)))
    beyond = position._replace(offset=position.offset + 1)

    assert store.occurred([position, beyond]) == {position: NOW}
    assert store.occurred([]) == {}


def test_it_tells_the_ids_of_events_and_leaves_out_places_that_have_none(store: EventStore, tenant: str):
    first, second = registered(tenant), registered(tenant)
    position = store.append(append(tenant, first, second))
    before, beyond = position._replace(offset=position.offset - 1), position._replace(offset=position.offset + 1)

    assert store.ids([before, position, beyond]) == {before: first.event_id, position: second.event_id}
    assert store.ids([]) == {}
