"""Rebuilding a projection while it goes on to be read and written."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from domain.model.errors import Unavailable
from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.read.engine import SESSION
from domain.read.projections import PROJECTIONS
from domain.read.rebuild import ddl
from domain.read.rebuild.errors import (
    NoRebuildRunning,
    NothingKept,
    ProjectionNotFound,
    RebuildNotFound,
    RebuildRunning,
    ShapeChanged,
)
from domain.read.rebuild.records import Overtaken
from tests.integration.read.conftest import folded_in_memory
from tests.integration.read.rebuilding import House
from tests.story import Story, random_story

NAMES = [projection.name for projection in PROJECTIONS]
STEPS = ["preparing", "loading", "indexing", "following", "cut_over"]


@pytest.fixture
def owner_pool(database_url: str) -> Iterator[Pool]:
    """Connections of one who may make schemas, as the service's own user may."""
    pool = Pool(database_url, settings=SESSION)
    yield pool
    pool.close()


@pytest.fixture
def house(owner_pool: Pool) -> House:
    """A random story of 600 events, all folded."""
    house = House(owner_pool, random_story(seed=4, length=600, tenants=3))
    house.project()
    return house


@pytest.mark.parametrize("projection", NAMES)
def test_a_rebuild_puts_the_rows_right(house: House, projection: str):
    # Given rows of which one was changed, and the rest lost, by a hand or a defect
    for table in next(each for each in PROJECTIONS if each.name == projection).tables:
        house.execute(f"DELETE FROM read_schema.{table.name} WHERE {table.key[-1]}::text > '8'")

    done = house.rebuild(projection)

    assert (done["state"], done["folded"], done["parked"]) == ("done", done["events"], 0)
    assert house.rows() == folded_in_memory(house.story)
    assert house.told == [projection]
    assert house.schemas() == {f"read_schema_kept_{projection}"}


@pytest.mark.parametrize("projection", NAMES)
def test_rebuilt_tables_are_made_like_those_they_replace(house: House, projection: str):
    tables = [table.name for table in next(each for each in PROJECTIONS if each.name == projection).tables]
    with house.pool.cursor() as cursor:
        before = ddl.shape(cursor, tables, ddl.LIVE)

    house.rebuild(projection)
    house.rebuild(projection)

    with house.pool.cursor() as cursor:
        assert ddl.shape(cursor, tables, ddl.LIVE) == before
    assert {what for _, what, _ in before} >= {"column", "constraint", "index", "policy", "options"}


def test_what_comes_after_the_cut_over_is_folded_into_the_new_rows(house: House):
    house.rebuild("users")

    tenant = house.story.tenant("Later")
    house.story.user(tenant)
    house.project()

    assert house.rows() == folded_in_memory(house.story)


@pytest.mark.parametrize("step", STEPS)
def test_a_rebuild_takes_in_what_happens_in_each_of_its_steps(house: House, step: str):
    # Given a rebuild that is at some step
    house.rebuilder.start("workspaces")
    house.reach("workspaces", step)

    # When events come and are folded into the live rows
    tenant = house.story.tenant("Meanwhile")
    house.story.workspace(tenant, house.story.user(tenant))
    house.project()

    # Then the rebuilt rows have them too
    assert house.finish("workspaces")["state"] == "done"
    house.project()
    assert house.rows() == folded_in_memory(house.story)


def test_an_empty_store_is_rebuilt(owner_pool: Pool):
    house = House(owner_pool, Story())

    done = house.rebuild("users", compare=True)

    assert (done["state"], done["events"], done["comparison"]["different"]) == ("done", 0, 0)


def test_two_rebuilds_of_one_projection_at_once_are_refused(house: House):
    house.rebuilder.start("users")

    with pytest.raises(RebuildRunning):
        house.rebuilder.start("users")

    # And those of two projections don't get in each other's way
    house.rebuilder.start("workspaces")
    assert house.rebuilder.running() == ["users", "workspaces"]
    assert [house.finish(name)["state"] for name in ("workspaces", "users")] == ["done", "done"]


@pytest.mark.parametrize("step", STEPS[:-1])
def test_a_rebuild_can_be_cancelled_at_each_step_before_the_cut_over(house: House, step: str):
    before = house.rows()
    house.rebuilder.start("users")
    house.reach("users", step)

    assert house.rebuilder.cancel("users")["state"] == "cancelled"

    assert house.schemas() == set()
    assert house.rows() == before
    assert house.rebuild("users")["state"] == "done"


def test_a_rebuild_that_is_cut_over_can_not_be_cancelled(house: House):
    house.rebuilder.start("users")
    house.reach("users", "cut_over")

    with pytest.raises(NoRebuildRunning):
        house.rebuilder.cancel("users")


def test_a_rebuild_whose_news_nobody_heard_is_not_done(owner_pool: Pool, house: House):
    # Given a cache that can't be reached at the cut-over
    reachable = False

    def tell(_projection: str) -> None:
        if not reachable:
            raise ConnectionError

    house.rebuilder = type(house.rebuilder)(owner_pool, house.story, PROJECTIONS, on_cut_over=tell)
    house.rebuilder.start("users")
    house.reach("users", "cut_over")
    with pytest.raises(Unavailable):
        house.rebuilder.drive("users", seconds=0)
    assert house.rebuilder.running() == ["users"]

    # When it is there again
    reachable = True

    assert house.finish("users")["state"] == "done"


def test_the_way_back_leads_to_the_former_rows_which_catch_up(house: House):
    # Given a rebuild that has replaced a row that somebody changed by hand, and events after it
    house.execute("UPDATE read_schema.user_projections SET email = 'changed@example.com'")
    former = house.rows()["user_projections"]
    house.rebuild("users")
    tenant = house.story.tenant("Later")
    user = house.story.user(tenant)
    house.project()

    # When the way back is taken
    back = house.rebuilder.way_back("users")

    # Then the former rows are there at once, and go on from where they stood
    assert (back["kind"], back["state"]) == ("way_back", "done")
    assert house.rows()["user_projections"] == former
    house.project()
    after = house.rows()["user_projections"]
    assert after[(tenant, user)]["status"] == "active"
    assert {row["email"] for key, row in after.items() if key in former} == {"changed@example.com"}

    # And the way back from the way back leads to the rebuilt ones
    house.rebuilder.way_back("users")
    house.project()
    assert house.rows() == folded_in_memory(house.story)
    assert house.told == ["users"] * 3


def test_there_is_no_way_back_without_a_rebuild_or_during_one(house: House):
    with pytest.raises(NothingKept):
        house.rebuilder.way_back("users")
    house.rebuild("users")
    house.rebuilder.start("users")

    with pytest.raises(RebuildRunning):
        house.rebuilder.way_back("users")


def test_there_is_no_way_back_to_tables_that_a_migration_has_left_behind(house: House):
    house.rebuild("users")
    house.execute("ALTER TABLE read_schema.user_projections ADD COLUMN nickname text")
    before = house.rows()

    with pytest.raises(ShapeChanged):
        house.rebuilder.way_back("users")

    assert house.rows() == before


def test_a_rebuild_that_a_migration_overtakes_fails_and_leaves_the_live_rows(house: House):
    before = house.rows()
    house.rebuilder.start("users")
    house.reach("users", "following")
    house.execute("ALTER TABLE read_schema.user_projections ADD COLUMN nickname text")

    failed = house.finish("users")

    assert failed["state"] == "failed"
    assert "a migration came between" in failed["error"]
    assert house.schemas() == set()
    assert house.rows() == before


def test_the_comparison_finds_what_differs(house: House):
    # Given a row that was changed, one that was lost and one that no event accounts for
    (changed, lost, *_) = house.rows()["user_projections"]
    table = "read_schema.user_projections"
    house.execute(f"UPDATE {table} SET email = 'x' WHERE tenant_id = %s AND user_id = %s", *changed)
    house.execute(f"DELETE FROM {table} WHERE tenant_id = %s AND user_id = %s", *lost)
    columns = ", ".join(PROJECTIONS[0].tables[0].columns)
    house.execute(
        f"INSERT INTO {table} ({columns}) "
        f"SELECT {columns.replace(' user_id', ' gen_random_uuid()')} FROM {table} LIMIT 1"
    )

    compared = house.rebuild("users", compare=True)

    found = compared["comparison"]["tables"]["user_projections"]
    assert (found["missing"], found["extra"], found["changed"]) == (1, 1, 1)
    assert {"tenant_id": changed[0], "user_id": changed[1]} in found["examples"]
    assert compared["comparison"]["shards"] == 256
    assert house.rows() == folded_in_memory(house.story)

    # And after the cut-over the kept rows can be compared too
    assert house.rebuilder.compare("users")["different"] == 3


def test_a_comparison_alone_changes_nothing(house: House):
    house.execute("UPDATE read_schema.user_projections SET email = 'x'")
    before = house.rows()

    compared = house.rebuild("users", cut_over=False)

    assert compared["state"] == "compared"
    assert compared["comparison"]["different"] == len(before["user_projections"])
    assert house.rows() == before
    assert house.schemas() == set()


def test_names_that_there_are_not(house: House):
    for action in (house.rebuilder.start, house.rebuilder.cancel, house.rebuilder.way_back, house.rebuilder.progress):
        with pytest.raises(ProjectionNotFound):
            action("nothing")
    with pytest.raises(RebuildNotFound):
        house.rebuilder.progress("users")
    with pytest.raises(NoRebuildRunning):
        house.rebuilder.cancel("users")


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


def test_a_step_that_was_begun_before_the_cancellation_changes_nothing(house: House):
    # Given one who is about to cut over, and another one who calls the rebuild off
    house.rebuilder.start("users")
    house.reach("users", "following")
    before = house.rows()
    seen = house.rebuilder._records.running("users")
    assert seen is not None
    house.rebuilder._records.cancel("users")

    # When the first one goes on with what it has seen
    with pytest.raises(Overtaken):
        house.rebuilder._steps["users"].take(seen, time.monotonic() + 5)

    # Then nothing has come of it
    assert house.state("users") == "cancelling"
    assert house.schemas() == {"read_schema_rebuild_users"}
    assert house.rows() == before
    assert house.finish("users")["state"] == "cancelled"
