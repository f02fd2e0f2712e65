"""The rows from before a rebuild, kept and put back."""

from __future__ import annotations

import pytest

from domain.postgres.pool import Pool
from domain.read.rebuild.errors import (
    NothingKept,
    RebuildRunning,
    ShapeChanged,
)
from tests.integration.read.conftest import folded_in_memory
from tests.integration.read.rebuilding import House
from tests.integration.read.test_invalidation import Heard, marks
from tests.story import Story


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


def test_the_cache_hears_once_more_of_what_the_former_rows_catch_up_with(engine_pool: Pool, story: Story):
    # Given a rebuild, events after it, and a cache that has heard of all
    heard = Heard()
    house = House(engine_pool, story, heard)
    tenant = story.tenant()
    house.project()
    house.rebuild("users")
    story.user(tenant)
    house.project()
    heard.events.clear()

    # When the way back is taken, and the former rows catch up
    house.rebuilder.way_back("users")
    before = marks(engine_pool)
    house.project()
    after = marks(engine_pool)

    # Then answers that were made of them meanwhile are told of, and nothing is left that it has not heard of
    nothing = {(0, False)}
    assert before - nothing == {(1, False), (3, False)}
    assert heard.positions == [2, 3]
    assert after - nothing == {(3, False)}


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
