from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.model import aggregates  # noqa: F401 - It makes all event types known.
from domain.model.event import EVENT_TYPES
from domain.read import schema
from domain.read.fold import fold
from domain.read.memory_rows import MemoryRowStore
from domain.read.projection import Projection
from domain.read.projections import PROJECTIONS
from domain.read.tables import Row
from tests.story import BEGIN, Story, random_story


class Told(Story):
    """A story whose events have all been folded."""

    def rows(self, table: str) -> list[Row]:
        store = MemoryRowStore()
        for projection in PROJECTIONS:
            for shard in self.heads():
                store.write(fold(projection, self.events[shard], store))
        return list(store.tables.get(table, {}).values())

    def row(self, table: str, **key: Any) -> Row:
        (found,) = [row for row in self.rows(table) if all(row[name] == value for name, value in key.items())]
        return found


@pytest.fixture
def story() -> Told:
    return Told()


@pytest.fixture
def tenant(story: Told) -> str:
    return story.tenant()


def at(second: int) -> Any:
    return BEGIN + timedelta(seconds=second)


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda each: each.name)
def test_every_event_of_an_aggregate_that_is_followed_is_handled_or_ignored(projection: Projection) -> None:
    followed = {type_ for type_ in EVENT_TYPES if type_.partition(".")[0] in projection.owned}

    assert projection.handlers.keys() | projection.ignored == followed
    assert not projection.handlers.keys() & projection.ignored


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda each: each.name)
def test_nothing_is_folded_from_the_metadata(projection: Projection) -> None:
    """A rebuild doesn't read them, and has to come to the rows that the workers came to."""
    (with_metadata, without), story = (MemoryRowStore(), MemoryRowStore()), random_story(seed=5, length=400)
    for shard in story.heads():
        events = [event._replace(metadata={"actor_id": event.event_id}) for event in story.events[shard]]
        with_metadata.write(fold(projection, events, with_metadata))
        without.write(fold(projection, story.events[shard], without))

    assert with_metadata.tables == without.tables
    assert any(without.tables.values())


def test_names_of_projections_and_tables_are_their_own() -> None:
    tables = [table.name for projection in PROJECTIONS for table in projection.tables]

    assert len({projection.name for projection in PROJECTIONS}) == len(PROJECTIONS)
    assert len(set(tables)) == len(tables)
    assert set(tables) == {table.name for table in schema.metadata.sorted_tables if table.name.endswith("_projections")}


def test_a_type_of_event_is_handled_once() -> None:
    projection = Projection("twice")
    declare = projection.on("user.registered")
    declare(lambda *_: None)

    with pytest.raises(ValueError, match=r"handles user\.registered twice"):
        declare(lambda *_: None)


def test_a_registered_user_is_pending(story: Told, tenant: str) -> None:
    ada = story.registered(tenant, "Ada", "Lovelace", email="ada@example.com")

    assert story.row("user_projections") == {
        "tenant_id": tenant,
        "user_id": ada,
        "email": "ada@example.com",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "display_name": "Ada Lovelace",
        "avatar": None,
        "timezone": "UTC",
        "language": "en",
        "status": "pending",
        "roles": ["user"],
        "deactivation_reason": None,
        "created_at": at(2),
        "updated_at": at(2),
        "created_position": 2,
        "event_version": 1,
    }


def test_a_user_is_deactivated_for_a_reason_that_activation_takes_away(story: Told, tenant: str) -> None:
    ada = story.user(tenant)

    story.deactivated(tenant, ada, reason="on leave")
    deactivated = story.row("user_projections")
    story.activated(tenant, ada, previous="deactivated")
    activated = story.row("user_projections")

    assert (deactivated["status"], deactivated["deactivation_reason"]) == ("deactivated", "on leave")
    assert (activated["status"], activated["deactivation_reason"]) == ("active", None)
    assert (activated["event_version"], activated["updated_at"]) == (4, at(5))


def test_an_update_of_a_user_changes_what_it_names(story: Told, tenant: str) -> None:
    ada = story.user(tenant, "Ada", "Byron")

    story.happens("user.updated", tenant, ada, last_name="Lovelace", avatar="https://example.com/ada.png")
    story.happens("user.updated", tenant, ada, avatar=None, timezone="Europe/London", language="en-GB")

    row = story.row("user_projections")
    assert (row["first_name"], row["last_name"], row["display_name"]) == ("Ada", "Lovelace", "Ada Lovelace")
    assert (row["avatar"], row["timezone"], row["language"]) == (None, "Europe/London", "en-GB")


def test_roles_come_and_go(story: Told, tenant: str) -> None:
    ada = story.user(tenant)

    story.happens("user.role_changed", tenant, ada, role="admin", action="added", changed_by=ada)
    added = story.row("user_projections")["roles"]
    story.happens("user.role_changed", tenant, ada, role="admin", action="removed", changed_by=ada)

    assert added == ["user", "admin"]
    assert story.row("user_projections")["roles"] == ["user"]


def test_who_creates_a_workspace_is_its_owner_and_first_member(story: Told, tenant: str) -> None:
    ada = story.user(tenant)
    engines = story.workspace(tenant, ada, "Engines")

    assert story.row("workspace_projections") == {
        "tenant_id": tenant,
        "workspace_id": engines,
        "name": "Engines",
        "description": "",
        "owner_id": ada,
        "status": "active",
        "is_public": False,
        "settings": {"colour": "blue"},
        "member_count": 1,
        "created_at": at(4),
        "updated_at": at(4),
        "created_position": 4,
        "event_version": 1,
    }
    assert story.row("workspace_member_projections") == {
        "tenant_id": tenant,
        "workspace_id": engines,
        "user_id": ada,
        "role": "owner",
        "joined_at": at(4),
        "updated_at": at(4),
        "joined_position": 4,
    }


def test_members_join_change_roles_and_leave(story: Told, tenant: str) -> None:
    ada, grace = story.user(tenant, "Ada"), story.user(tenant, "Grace")
    engines = story.workspace(tenant, ada)

    story.joins(tenant, engines, grace, "viewer")
    joined = story.row("workspace_member_projections", user_id=grace)
    story.happens("workspace.member_role_changed", tenant, engines, user_id=grace, old_role="viewer", new_role="admin")
    changed = story.row("workspace_member_projections", user_id=grace)
    story.leaves(tenant, engines, grace)

    assert (joined["role"], joined["joined_position"], joined["updated_at"]) == ("viewer", 7, at(7))
    assert (changed["role"], changed["joined_at"], changed["updated_at"]) == ("admin", at(7), at(8))
    assert [row["user_id"] for row in story.rows("workspace_member_projections")] == [ada]
    workspace = story.row("workspace_projections")
    assert (workspace["member_count"], workspace["event_version"], workspace["updated_at"]) == (1, 4, at(9))


def test_an_update_of_a_workspace_changes_what_it_names(story: Told, tenant: str) -> None:
    engines = story.workspace(tenant, story.user(tenant))

    story.happens("workspace.updated", tenant, engines, name="Analytical", is_public=True, settings={"n": 1})

    workspace = story.row("workspace_projections")
    assert (workspace["name"], workspace["is_public"], workspace["settings"]) == ("Analytical", True, {"n": 1})
    assert workspace["description"] == ""


def test_a_deleted_workspace_keeps_its_row_and_loses_its_members(story: Told, tenant: str) -> None:
    ada, grace = story.user(tenant), story.user(tenant)
    engines, looms = story.workspace(tenant, ada, "Engines"), story.workspace(tenant, ada, "Looms")
    story.joins(tenant, engines, grace)

    story.deleted(tenant, engines, ada)

    workspace = story.row("workspace_projections", workspace_id=engines)
    assert (workspace["status"], workspace["member_count"]) == ("deleted", 0)
    assert [row["workspace_id"] for row in story.rows("workspace_member_projections")] == [looms]


def test_a_summary_tells_the_tenant_and_counts(story: Told, tenant: str) -> None:
    ada, grace = story.user(tenant), story.user(tenant)
    story.registered(tenant)
    story.deactivated(tenant, grace)
    story.workspace(tenant, ada)
    story.deleted(tenant, story.workspace(tenant, ada, "Looms"), ada)
    story.happens("tenant.updated", tenant, tenant, name="Acme Ltd")
    story.happens(
        "tenant.plan_changed",
        tenant,
        tenant,
        old_plan="enterprise",
        new_plan="custom",
        quotas={"users": 7, "workspaces": 8},
    )

    assert story.row("tenant_summary_projections") == {
        "tenant_id": tenant,
        "name": "Acme Ltd",
        "slug": "acme",
        "plan_type": "custom",
        "total_users": 3,
        "active_users": 1,
        "total_workspaces": 1,
        "quota_users": 7,
        "quota_workspaces": 8,
        "created_at": at(1),
        "updated_at": at(12),
        "event_version": 3,
    }


def test_a_summary_counts_before_the_tenants_own_events_come(story: Told) -> None:
    tenant = story.new_id()
    story.user(tenant)

    summary = story.row("tenant_summary_projections")

    assert (summary["total_users"], summary["active_users"], summary["event_version"]) == (1, 1, 0)
