"""What a sample of the tenants' summaries costs, and that it says nothing wrong of rows that are right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from domain.model.event import RecordedEvent
from domain.model.event_log import Interest
from domain.postgres.pool import Pool
from domain.read.dead_letters import DeadLetters
from domain.read.engine import SESSION
from domain.read.projections import PROJECTIONS
from domain.read.verify.repair import Repair
from domain.read.verify.verifier import Verifier
from tests.integration.read.poison import parked
from tests.integration.read.rebuilding import House
from tests.story import Story

#: How many events may be read to choose an aggregate and to fold it and its tenant again, where each has few events.
MOST_FOR_EACH = 60


class MeteredLog(Story):
    """A story that counts the events that are read of it."""

    def __init__(self) -> None:
        super().__init__()
        self.read_so_far = 0

    def read(self, shard: int, after: int, limit: int, only: Interest | None = None) -> list[RecordedEvent]:
        return self._counted(super().read(shard, after, limit, only))

    def read_aggregate(self, shard: int, aggregate_id: str, after_version: int, limit: int) -> list[RecordedEvent]:
        return self._counted(super().read_aggregate(shard, aggregate_id, after_version, limit))

    def _counted(self, events: list[RecordedEvent]) -> list[RecordedEvent]:
        self.read_so_far += len(events)
        return events


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """Nothing has happened yet."""
    pool = Pool(database_url, settings=SESSION)
    yield House(pool, MeteredLog())
    pool.close()


@pytest.fixture
def verifier(house: House) -> Verifier:
    return Verifier(house.pool, house.story, PROJECTIONS)


def drifted(verifier: Verifier, times: int = 20) -> set[int]:
    """How many have drifted in the tenants' summaries, as each of many samples finds it."""
    return {verifier.sample(20, ["tenant_summaries"])[0]["drifted"] for _ in range(times)}


@pytest.mark.parametrize("projection", [each.name for each in PROJECTIONS])
def test_a_sample_reads_no_more_events_because_the_log_is_long(house: House, verifier: Verifier, projection: str):
    # Given a long log, nearly all of it of one tenant
    log = house.story
    assert isinstance(log, MeteredLog)
    tenant = log.tenant()
    for _ in range(1000):
        log.workspace(tenant, log.user(tenant))
    house.project()
    assert sum(log.heads().values()) > 20 * MOST_FOR_EACH

    # When a sample of it is verified
    log.read_so_far = 0
    (found,) = verifier.sample(20, [projection])

    # Then no more was read than what was chosen has
    assert log.read_so_far < 20 * MOST_FOR_EACH
    assert found["drifted"] == 0
    assert 10 < found["aggregates"] <= 21


def test_a_summary_that_counts_before_its_tenants_own_events_are_folded_is_right(house: House, verifier: Verifier):
    # Given a tenant whose own events wait, and whose users have been counted all the same
    tenant = house.story.new_id()
    house.story.happens("tenant.created", tenant, tenant, no="name")
    user = house.story.user(tenant)
    house.project()
    assert ("tenant_summaries", tenant) in parked(house.pool)
    assert drifted(verifier) == {0}

    # When it counts one too many
    house.execute("UPDATE read_schema.tenant_summary_projections SET total_users = 2")

    # Then that is found, and can be repaired by the name of either
    assert drifted(verifier) == {1}
    for id in (user, tenant):
        Repair(house.pool, house.story, PROJECTIONS).repair("tenant_summaries", tenant, id)
        assert drifted(verifier) == {0}


def test_a_user_that_waits_is_missed_neither_among_the_shares_nor_in_the_summary(house: House, verifier: Verifier):
    # Given a user of whom nothing could be folded, and another whose second event could not
    tenant = house.story.tenant()
    house.story.happens("user.registered", tenant, house.story.new_id())
    waits = house.story.registered(tenant)
    house.story.happens("user.exploded", tenant, waits)
    house.story.user(tenant)
    house.project()
    assert ("tenant_summaries", waits) in parked(house.pool)

    assert drifted(verifier) == {0}


def test_a_tenant_whose_first_event_is_skipped_is_right_with_what_the_others_have_begun(
    house: House, verifier: Verifier
):
    # Given a tenant that goes on without its first event
    tenant = house.story.new_id()
    house.story.happens("tenant.created", tenant, tenant, no="name")
    house.story.user(tenant)
    house.project()
    letters = DeadLetters(house.pool, house.story)
    for letter in letters.page().letters:
        letters.skip(letter.id, "It can't be told.", "ops")
    house.story.happens("tenant.updated", tenant, tenant, name="Named")
    house.project()
    assert parked(house.pool) == {}

    assert drifted(verifier) == {0}
