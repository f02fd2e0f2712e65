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


def skipping(projection: Projection, events: Sequence[RecordedEvent], user: str, *versions: int) -> MemoryRowStore:
    """Fold one event at a time, some of the user's left out on record."""
    store = MemoryRowStore()
    store.tables = {table.name: {} for table in projection.tables}
    for event in events:
        store.write(fold(projection, [event], store, {user: versions}))
    return store


def test_a_skipped_event_changes_nothing_and_those_after_it_follow() -> None:
    story = Story()
    tenant = story.tenant()
    user = story.user(tenant)
    story.happens("user.exploded", tenant, user)
    skipped = skipping(users, events_of(story), user, 3).tables[USERS.name][tenant, user]
    story.happens("user.updated", tenant, user, first_name="Augusta")

    row = skipping(users, events_of(story), user, 3).tables[USERS.name][tenant, user]

    assert (skipped["first_name"], skipped["status"], skipped["event_version"]) == ("Ada", "active", 3)
    assert (row["first_name"], row["status"], row["event_version"]) == ("Augusta", "active", 4)


def test_only_the_gap_on_record_is_allowed() -> None:
    story = Story()
    tenant = story.tenant()
    user = story.user(tenant)
    events = events_of(story)
    story.happens("user.updated", tenant, user, first_name="Lost")
    story.happens("user.updated", tenant, user, first_name="Skipped")
    story.happens("user.updated", tenant, user, first_name="Augusta")
    events += events_of(story)[-1:]

    for versions in ((), (3,), (4,)):
        with pytest.raises(EventMissing):
            skipping(users, events, user, *versions)
    assert skipping(users, events, user, 3, 4).tables[USERS.name][tenant, user]["event_version"] == 5


def test_where_the_first_event_is_skipped_the_next_one_makes_the_row() -> None:
    story = Story()
    tenant = story.tenant()
    user = story.user(tenant)

    tables = skipping(tenant_summaries, events_of(story), user, 1).tables

    summary = tables["tenant_summary_projections"][tenant,]
    assert (summary["total_users"], summary["active_users"]) == (1, 1)
    with pytest.raises(RowMissing):
        skipping(tenant_summaries, events_of(story)[:1] + events_of(story)[2:], user)


@every_projection
@given(story=stories, data=st.data())
def test_skips_make_the_same_rows_in_any_batches(projection: Projection, story: Story, data: st.DataObject) -> None:
    events = [event for event in events_of(story) if event.aggregate_type == "user"]
    later = [event for event in events if event.version > 1]
    skipped = data.draw(st.lists(st.sampled_from(later), unique_by=lambda each: each.event_id)) if later else []
    versions: dict[str, set[int]] = {}
    for event in skipped:
        versions.setdefault(event.aggregate_id, set()).add(event.version)

    at_once, one_by_one = MemoryRowStore(), MemoryRowStore()
    at_once.write(fold(projection, events, at_once, versions))
    for event in events:
        one_by_one.write(fold(projection, [event], one_by_one, versions))

    assert at_once.tables == one_by_one.tables
