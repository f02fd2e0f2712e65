"""Finding rows that are not what their events give, and putting them right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from domain.model.event import RecordedEvent
from domain.postgres.pool import Pool
from domain.read.engine import SESSION
from domain.read.projections import PROJECTIONS
from domain.read.rebuild.errors import ProjectionNotFound
from domain.read.verify.errors import AggregateNotFound
from domain.read.verify.records import Verifications
from domain.read.verify.repair import Repair
from domain.read.verify.sampling import Sampling
from domain.read.verify.verifier import Verifier
from tests.integration.read.conftest import folded_in_memory
from tests.integration.read.rebuilding import House
from tests.story import Story, random_story

#: What drift looks like: the projection, what makes it, and what the verifier has to say.
DRIFTS = {
    "a changed row": ("users", "UPDATE read_schema.user_projections SET email = 'x'", "changed"),
    "a row of another version": (
        "workspaces",
        "UPDATE read_schema.workspace_projections SET event_version = 99",
        "changed",
    ),
    "a missing row": ("users", "DELETE FROM read_schema.user_projections", "missing"),
    "a missing member": ("workspaces", "DELETE FROM read_schema.workspace_member_projections", "missing"),
    "an extra row": (
        "users",
        "INSERT INTO read_schema.user_projections SELECT (jsonb_populate_record(u, jsonb_build_object("
        "'user_id', gen_random_uuid()))).* FROM read_schema.user_projections u",
        "extra",
    ),
    "an extra row of a tenant that there is not": (
        "tenant_summaries",
        "INSERT INTO read_schema.tenant_summary_projections SELECT (jsonb_populate_record(s, jsonb_build_object("
        "'tenant_id', gen_random_uuid()))).* FROM read_schema.tenant_summary_projections s",
        "extra",
    ),
    "an extra member": (
        "workspaces",
        "INSERT INTO read_schema.workspace_member_projections SELECT (jsonb_populate_record(m, jsonb_build_object("
        "'user_id', gen_random_uuid()))).* FROM read_schema.workspace_member_projections m",
        "extra",
    ),
    "a wrong count": (
        "tenant_summaries",
        "UPDATE read_schema.tenant_summary_projections SET active_users = active_users + 1",
        "changed",
    ),
    "a wrong total": (
        "tenant_summaries",
        "UPDATE read_schema.tenant_summary_projections SET total_workspaces = 0",
        "changed",
    ),
    "a wrong name": ("tenant_summaries", "UPDATE read_schema.tenant_summary_projections SET name = 'x'", "changed"),
    "a wrong plan": (
        "tenant_summaries",
        "UPDATE read_schema.tenant_summary_projections SET quota_users = 1",
        "changed",
    ),
    "a time of its making that is wrong": (
        "tenant_summaries",
        "UPDATE read_schema.tenant_summary_projections SET created_at = now()",
        "changed",
    ),
    "a time of its change that is before it": (
        "tenant_summaries",
        "UPDATE read_schema.tenant_summary_projections SET updated_at = '2000-01-01'",
        "changed",
    ),
    "a missing summary": ("tenant_summaries", "DELETE FROM read_schema.tenant_summary_projections", "missing"),
    "a missing share": (
        "tenant_summaries",
        "DELETE FROM read_schema.tenant_summary_share_projections WHERE workspaces = 0",
        "missing",
    ),
    "an extra share": (
        "tenant_summaries",
        "INSERT INTO read_schema.tenant_summary_share_projections SELECT (jsonb_populate_record(s, jsonb_build_object("
        "'aggregate_id', gen_random_uuid()))).* FROM read_schema.tenant_summary_share_projections s",
        "extra",
    ),
    "a wrong share that the summary agrees with": (
        "tenant_summaries",
        "WITH s AS (UPDATE read_schema.tenant_summary_share_projections SET users = users + 1 RETURNING tenant_id) "
        "UPDATE read_schema.tenant_summary_projections t SET total_users = total_users + "
        "(SELECT count(*) FROM s WHERE s.tenant_id = t.tenant_id)",
        "changed",
    ),
    "a wrong share of a count": (
        "tenant_summaries",
        "UPDATE read_schema.tenant_summary_share_projections SET users = 0 WHERE users = 1",
        "changed",
    ),
}


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """A random story of 200 events, all folded."""
    pool = Pool(database_url, settings=SESSION)
    house = House(pool, random_story(seed=5, length=200, tenants=3))
    house.project()
    yield house
    pool.close()


@pytest.fixture
def verifier(house: House) -> Verifier:
    return Verifier(house.pool, house.story, PROJECTIONS)


def test_rows_that_are_right_are_found_right(house: House, verifier: Verifier):
    whole = {found["projection"]: found for found in verifier.all()}

    assert {name: found["drifted"] for name, found in whole.items()} == dict.fromkeys(whole, 0)
    assert whole["users"]["rows"] == len(house.rows()["user_projections"])
    assert all(found["complete"] and found["verified_at"] for found in whole.values())
    assert [found["drifted"] for found in verifier.sample(10)] == [0, 0, 0]
    for projection in PROJECTIONS:
        kept = Verifications(house.pool).last(projection.name)
        assert kept is not None
        assert kept.aggregates > 1
        assert not kept.complete


def test_rows_behind_the_log_are_right(house: House, verifier: Verifier):
    # Given events that are not folded yet
    tenant = next(iter(house.rows()["tenant_summary_projections"]))[0]
    house.story.workspace(tenant, house.story.user(tenant))

    assert [found["drifted"] for found in verifier.all()] == [0, 0, 0]


@pytest.mark.parametrize("drift", DRIFTS)
def test_drift_is_found_by_a_look_at_all_rows_and_by_a_sample_and_is_repaired(
    house: House, verifier: Verifier, drift: str
):
    # Given rows that somebody has changed behind the projection's back
    projection, sql, kind = DRIFTS[drift]
    house.execute(sql)

    # When all of them are verified, then it is found, and on record
    (found,) = verifier.all([projection])
    assert found["drifted"] > 0
    assert kind in {example["kind"] for example in found["examples"]}
    kept = Verifications(house.pool).last(projection)
    assert kept is not None
    assert kept.as_json() == found

    # When some of them are verified now and then, as the clock does, then it is found too
    samples = (verifier.sample(20, [projection]) for _ in range(100))
    assert any(kind in {example["kind"] for example in some["examples"]} for (some,) in samples)

    # When what was found is repaired, then the rows are what the events give
    repair = Repair(house.pool, house.story, PROJECTIONS)
    while found["drifted"]:
        for key in {tuple(example["key"].values())[:2] for example in found["examples"]}:
            repair.repair(projection, key[0], key[-1])
        (found,) = verifier.all([projection])
    assert house.rows() == folded_in_memory(house.story)


def test_names_that_there_are_not(house: House, verifier: Verifier):
    with pytest.raises(ProjectionNotFound):
        verifier.sample(1, ["nothing"])
    repair = Repair(house.pool, house.story, PROJECTIONS)
    with pytest.raises(ProjectionNotFound):
        repair.repair("nothing", house.story.new_id(), house.story.new_id())
    with pytest.raises(AggregateNotFound):
        repair.repair("users", house.story.new_id(), house.story.new_id())


def test_a_repair_touches_nothing_else_and_is_told_to_the_cache(house: House):
    first, second, *_ = house.rows()["user_projections"]
    house.execute("UPDATE read_schema.user_projections SET email = 'x' WHERE user_id IN (%s, %s)", first[1], second[1])
    before = house.rows()

    report = Repair(house.pool, house.story, PROJECTIONS).repair("users", *first)

    assert report["repaired"] == 1
    assert report["differences"][0]["columns"] == ["email"]
    after, right = house.rows()["user_projections"], folded_in_memory(house.story)["user_projections"]
    assert after[first] == right[first]
    assert {**after, first: None} == {**before["user_projections"], first: None}
    rewritten = house.execute("SELECT projection, aggregate_id FROM read_schema.rewritten_aggregates")
    assert rewritten == [("users", first[1])]


def test_a_repair_of_rows_that_are_right_changes_nothing(house: House):
    before = house.rows()
    key = next(iter(before["user_projections"]))

    assert Repair(house.pool, house.story, PROJECTIONS).repair("tenant_summaries", *key)["repaired"] == 0
    assert house.rows() == before


def test_a_repaired_aggregate_goes_on(house: House):
    # Given a user whose row was lost, and an event of it that is not folded yet
    tenant = house.story.tenant("Later")
    user = house.story.registered(tenant)
    house.project()
    house.execute("DELETE FROM read_schema.user_projections WHERE user_id = %s", user)
    house.story.activated(tenant, user)

    Repair(house.pool, house.story, PROJECTIONS).repair("users", tenant, user)
    assert house.rows()["user_projections"][(tenant, user)]["status"] == "pending"
    house.project()

    assert house.rows() == folded_in_memory(house.story)


def test_a_sample_may_be_any_row(house: House):
    # Given a tenant with many users
    users = {user for _, user in house.rows()["user_projections"]}

    # When samples are chosen among the rows again and again
    sampling = Sampling(house.pool, house.story, "read_schema")
    chosen = {unit[1] for unit in sampling._by_row(PROJECTIONS[0], 20 * len(users))}

    # Then most of the rows were chosen, wherever they lie
    assert len(chosen) > len(users) / 2


class EventfulLog:
    """A log of which something is told to the house while its events are read for the first time."""

    def __init__(self, story: Story, meanwhile: Callable[[], None]) -> None:
        self._story = story
        self._meanwhile: Callable[[], None] | None = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._story, name)

    def read_aggregate(self, *place: Any) -> list[RecordedEvent]:
        events = self._story.read_aggregate(*place)
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return events


def test_what_is_folded_during_a_repair_is_not_undone(house: House):
    # Given a user whose row was lost, and events of it that come while it is repaired
    tenant = house.story.tenant("Busy")
    user = house.story.registered(tenant)
    house.project()
    house.execute("UPDATE read_schema.user_projections SET email = 'x' WHERE user_id = %s", user)

    def meanwhile() -> None:
        house.story.activated(tenant, user)
        house.project()

    Repair(house.pool, EventfulLog(house.story, meanwhile), PROJECTIONS).repair("users", tenant, user)

    house.project()
    assert house.rows() == folded_in_memory(house.story)
    assert house.rows()["user_projections"][(tenant, user)]["status"] == "active"
