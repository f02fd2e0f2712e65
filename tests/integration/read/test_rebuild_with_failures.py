"""A rebuild of what can not all be folded."""

from __future__ import annotations

from domain.model.position import shard_of
from tests.integration.read.rebuilding import House


def poisoned(house: House) -> tuple[str, str]:
    """Let something happen to a user that no row can hold, and something harmless after it."""
    tenant = house.story.tenant("Poisoned")
    user = house.story.user(tenant)
    house.story.happens("user.updated", tenant, user, first_name=None)
    house.story.deactivated(tenant, user)
    return tenant, user


def parked(house: House) -> list[tuple[object, ...]]:
    return house.execute("SELECT aggregate_id, version FROM read_schema.parked_aggregates WHERE projection = 'users'")


def test_what_is_parked_in_both_stays_parked(house: House):
    # Given an aggregate that is parked
    key = poisoned(house)
    house.project()
    assert parked(house) == [(key[1], 3)]
    before = house.rows()["user_projections"][key]

    # When its projection is rebuilt
    done = house.rebuild("users")

    # Then it is still there as it was, waits as before, and everything else goes on
    assert done["state"] == "done"
    assert parked(house) == [(key[1], 3)]
    assert house.rows()["user_projections"][key] == before
    counted = "SELECT sum(parked) FROM read_schema.projection_checkpoints WHERE projection = 'users'"
    assert house.execute(counted) == [(1,)]
    assert house.execute("SELECT count(*) FROM read_schema_kept_users.parked_aggregates") == [(1,)]


def test_what_is_skipped_on_record_stays_skipped(house: House):
    # Given an event that was skipped, so that the aggregate went on
    key = poisoned(house)
    house.project()
    house.execute(
        "INSERT INTO read_schema.skipped_events SELECT tenant_id, projection, aggregate_id, version, shard, "
        "from_position, event_type, 'broken', 'me', now(), error_class, error_text FROM read_schema.parked_aggregates"
    )
    house.execute("UPDATE read_schema.parked_aggregates SET next_attempt_at = now()")
    house.project()
    before = house.rows()["user_projections"][key]
    assert (before["status"], parked(house)) == ("deactivated", [])

    assert house.rebuild("users")["state"] == "done"

    assert house.rows()["user_projections"][key] == before
    assert parked(house) == []


def test_what_is_skipped_meanwhile_is_skipped_too(house: House):
    # Given a rebuild that has parked what the live projection has parked
    key = poisoned(house)
    house.project()
    house.rebuilder.start("users")
    house.reach("users", "following")

    # When the event is skipped in the live one
    house.execute(
        "INSERT INTO read_schema.skipped_events SELECT tenant_id, projection, aggregate_id, version, shard, "
        "from_position, event_type, 'broken', 'me', now(), error_class, error_text FROM read_schema.parked_aggregates"
    )
    house.execute("UPDATE read_schema.parked_aggregates SET next_attempt_at = now()")
    house.project()

    # Then the rebuild skips it too
    assert house.finish("users")["state"] == "done"
    assert parked(house) == []
    assert house.rows()["user_projections"][key]["status"] == "deactivated"


def test_a_rebuild_that_would_lose_an_aggregate_is_not_cut_over(house: House):
    # Given an event that was folded once and can't be folded any more
    tenant = house.story.tenant("Broken")
    user = house.story.registered(tenant)
    house.project()
    before = house.rows()
    events = house.story.events[shard_of(tenant)]
    events[-1] = events[-1]._replace(payload={})

    failed = house.rebuild("users")

    assert failed["state"] == "failed"
    assert user in failed["error"]
    assert house.rows() == before
    assert house.schemas() == set()


def test_a_rebuild_in_which_all_fails_alike_is_given_up(house: House):
    before = house.rows()
    for events in house.story.events.values():
        events[:] = [each._replace(payload={}) for each in events]

    failed = house.rebuild("users")

    assert failed["state"] == "failed"
    assert house.rows() == before


def test_a_projection_that_had_paused_goes_on_after_the_cut_over(house: House):
    house.execute(
        "INSERT INTO read_schema.projections (name, state, reason, changed_by, since, error_class, error_text, trials) "
        "VALUES ('users', 'paused', 'many fail', 'engine', now(), 'E', 'e', 1), "
        "('workspaces', 'paused', 'I want it so', 'me', now(), NULL, NULL, 0)"
    )

    house.rebuild("users")
    house.rebuild("workspaces")

    assert house.execute("SELECT name FROM read_schema.projections") == [("workspaces",)]
