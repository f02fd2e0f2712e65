"""Rebuilding a projection while it goes on to be read and written."""

from __future__ import annotations

import time

import pytest

from domain.model.errors import Unavailable
from domain.postgres.pool import Pool
from domain.read.projections import PROJECTIONS
from domain.read.rebuild import ddl
from domain.read.rebuild.errors import (
    NoRebuildRunning,
    ProjectionNotFound,
    RebuildNotFound,
    RebuildRunning,
)
from domain.read.rebuild.records import Overtaken
from tests.integration.read.conftest import folded_in_memory
from tests.integration.read.rebuilding import House
from tests.story import Story

NAMES = [projection.name for projection in PROJECTIONS]
STEPS = ["preparing", "loading", "indexing", "following", "cut_over"]


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
