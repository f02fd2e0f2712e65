from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model.errors import EventNotReadable
from domain.model.event import RecordedEvent
from domain.read.fold import EventMissing, UnknownEvent, fold
from domain.read.memory_rows import MemoryRowStore
from domain.read.projection import Projection
from domain.read.projections import PROJECTIONS
from domain.read.projections.tenant_summaries import tenant_summaries
from domain.read.projections.users import USERS, users
from domain.read.rows import RowMissing
from tests.story import Story, random_story

stories = st.builds(random_story, seed=st.integers(0, 2**32), length=st.integers(1, 120))
every_projection = pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda each: each.name)


def events_of(story: Story) -> list[RecordedEvent]:
    return [event for shard in story.heads() for event in story.events[shard]]


def folded(projection: Projection, *batches: Sequence[RecordedEvent]) -> MemoryRowStore:
    store = MemoryRowStore()
    store.tables = {table.name: {} for table in projection.tables}
    for batch in batches:
        store.write(fold(projection, batch, store))
    return store


def one_by_one(projection: Projection, events: Sequence[RecordedEvent]) -> MemoryRowStore:
    return folded(projection, *([event] for event in events))


@every_projection
@given(story=stories)
def test_a_batch_makes_the_same_rows_as_its_events_one_at_a_time(projection: Projection, story: Story) -> None:
    events = events_of(story)

    assert folded(projection, events).tables == one_by_one(projection, events).tables


@every_projection
@given(story=stories, data=st.data())
def test_batches_split_anywhere_make_the_same_rows(projection: Projection, story: Story, data: st.DataObject) -> None:
    events = events_of(story)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)))))

    batches = [events[start:end] for start, end in zip([0, *cuts], [*cuts, len(events)], strict=True)]

    assert folded(projection, *batches).tables == folded(projection, events).tables


@every_projection
@given(story=stories, data=st.data())
def test_events_that_come_again_change_nothing(projection: Projection, story: Story, data: st.DataObject) -> None:
    events = events_of(story)
    end = data.draw(st.integers(1, len(events)))
    start = data.draw(st.integers(0, end - 1))

    again = folded(projection, events[:end], events[start:end], events[end:])

    assert again.tables == folded(projection, events).tables


@every_projection
@given(story=stories, data=st.data())
def test_a_repeated_batch_writes_no_row(projection: Projection, story: Story, data: st.DataObject) -> None:
    events = events_of(story)
    store = folded(projection, events)

    rows = fold(projection, events[data.draw(st.integers(0, len(events))) :], store)

    assert not rows.changed()
    assert not rows.removed()


@every_projection
@given(story=stories, data=st.data())
def test_an_aggregate_that_is_held_back_makes_the_same_rows_later(
    projection: Projection, story: Story, data: st.DataObject
) -> None:
    events = events_of(story)
    held = data.draw(st.sampled_from(sorted({event.aggregate_id for event in events})))

    others = [event for event in events if event.aggregate_id != held]
    late = [event for event in events if event.aggregate_id == held]

    assert folded(projection, others, late).tables == folded(projection, events).tables


@given(story=stories)
def test_a_summary_counts_what_there_is(story: Story) -> None:
    events = events_of(story)

    summaries = folded(tenant_summaries, events).tables["tenant_summary_projections"]
    tables = {name: rows for each in PROJECTIONS for name, rows in folded(each, events).tables.items()}

    for (tenant_id,), summary in summaries.items():
        its_users = [row for key, row in tables["user_projections"].items() if key[0] == tenant_id]
        its_workspaces = [row for key, row in tables["workspace_projections"].items() if key[0] == tenant_id]
        assert summary["total_users"] == len(its_users)
        assert summary["active_users"] == sum(user["status"] == "active" for user in its_users)
        assert summary["total_workspaces"] == sum(each["status"] == "active" for each in its_workspaces)


@given(story=stories)
def test_a_workspace_counts_its_members(story: Story) -> None:
    tables = folded(PROJECTIONS[1], events_of(story)).tables

    for key, workspace in tables["workspace_projections"].items():
        members = [each for each in tables["workspace_member_projections"] if each[:2] == key]
        assert workspace["member_count"] == len(members)


def test_a_gap_in_an_aggregates_versions_is_an_error() -> None:
    story = Story()
    tenant = story.tenant()
    user = story.registered(tenant)
    story.activated(tenant, user)
    story.deactivated(tenant, user)
    _, registered, _, deactivated = events_of(story)

    with pytest.raises(EventMissing):
        folded(users, [registered, deactivated])


def test_events_without_their_beginning_are_an_error() -> None:
    story = Story()
    tenant = story.tenant()
    story.activated(tenant, story.registered(tenant))

    for projection in (users, tenant_summaries):
        with pytest.raises(RowMissing):
            folded(projection, events_of(story)[2:])


@every_projection
def test_an_unknown_type_of_event_is_an_error_to_those_who_follow_its_aggregate(projection: Projection) -> None:
    story = Story()
    tenant = story.tenant()
    story.happens("user.teleported", tenant, story.registered(tenant))

    if "user" in projection.owned:
        with pytest.raises(UnknownEvent, match=r"user\.teleported"):
            folded(projection, events_of(story))
    else:
        folded(projection, events_of(story))


def test_an_event_of_a_newer_release_is_an_error() -> None:
    story = Story()
    tenant = story.tenant()
    story.registered(tenant)
    events = [event._replace(schema_version=99) for event in events_of(story)]

    with pytest.raises(EventNotReadable):
        folded(users, events)


def test_a_failed_fold_leaves_the_store_as_it_was() -> None:
    story = Story()
    tenant = story.tenant()
    story.happens("user.role_changed", tenant, story.user(tenant), role="admin")
    events = events_of(story)
    store = folded(users, events[:-1])
    before = {key: dict(row) for key, row in store.tables[USERS.name].items()}

    with pytest.raises(KeyError):
        store.write(fold(users, events[-1:], store))

    assert store.tables[USERS.name] == before
