from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from domain.model.position import Position, shard_of
from domain.postgres.pool import Pool
from domain.read.engine import ProjectionEngine
from domain.read.projections.users import users
from domain.read.queries import Queries
from tests.story import Story

Ask = Callable[..., Any]

NOBODY = "00000000-0000-4000-8000-000000000000"


def test_a_user_is_shown_in_full(story: Story, tenant: str, ask: Ask) -> None:
    ada = story.user(tenant, "Ada", "Lovelace")
    story.happens("user.role_changed", tenant, ada, role="admin", action="added", changed_by=ada)

    assert ask("user", tenant, ada) == {
        "id": ada,
        "tenant_id": tenant,
        "email": f"{ada[:8]}@example.com",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "display_name": "Ada Lovelace",
        "avatar": None,
        "timezone": "UTC",
        "language": "en",
        "status": "active",
        "is_active": True,
        "roles": ["user", "admin"],
        "deactivation_reason": None,
        "created_at": "2026-01-01T00:00:02+00:00",
        "updated_at": "2026-01-01T00:00:04+00:00",
        "event_version": 3,
    }


def test_a_deactivated_user_is_shown_with_the_reason(story: Story, tenant: str, ask: Ask) -> None:
    ada = story.user(tenant)
    story.deactivated(tenant, ada, reason="on leave")

    shown = ask("user", tenant, ada)

    assert (shown["status"], shown["is_active"], shown["deactivation_reason"]) == ("deactivated", False, "on leave")


def test_users_come_newest_first(story: Story, tenant: str, ask: Ask) -> None:
    ids = [story.user(tenant) for _ in range(3)]

    shown = ask("users_of_tenant", tenant)

    assert [user["id"] for user in shown["users"]] == ids[::-1]
    assert shown["users"][0] == ask("user", tenant, ids[-1])
    assert shown["pagination"] == {"limit": 50, "offset": 0, "count": 3, "total": 3, "next_cursor": None}


def test_active_users_can_be_listed_alone(story: Story, tenant: str, ask: Ask) -> None:
    active = story.user(tenant)
    story.registered(tenant)
    story.deactivated(tenant, story.user(tenant))

    shown = ask("users_of_tenant", tenant, active_only=True)

    assert [user["id"] for user in shown["users"]] == [active]
    assert shown["pagination"] == {"limit": 50, "offset": 0, "count": 1, "total": 1, "next_cursor": None}


def test_a_workspace_is_shown_with_its_members(story: Story, tenant: str, ask: Ask) -> None:
    ada, grace = story.user(tenant, "Ada", "Lovelace"), story.user(tenant, "Grace", "Hopper")
    engines = story.workspace(tenant, ada, "Engines")
    story.joins(tenant, engines, grace, "viewer")

    assert ask("workspace", tenant, engines) == {
        "id": engines,
        "tenant_id": tenant,
        "name": "Engines",
        "description": "",
        "owner_id": ada,
        "status": "active",
        "is_public": False,
        "settings": {"colour": "blue"},
        "member_count": 2,
        "created_at": "2026-01-01T00:00:06+00:00",
        "updated_at": "2026-01-01T00:00:07+00:00",
        "event_version": 2,
        "members": ask("workspace_members", tenant, engines)["members"],
    }


def test_members_come_oldest_first_with_their_users_present_names(story: Story, tenant: str, ask: Ask) -> None:
    ada, grace = story.user(tenant, "Ada", "Byron"), story.user(tenant, "Grace", "Hopper")
    engines = story.workspace(tenant, ada)
    story.joins(tenant, engines, grace, "viewer")
    story.happens("user.updated", tenant, ada, last_name="Lovelace")
    story.happens("workspace.member_role_changed", tenant, engines, user_id=grace, old_role="viewer", new_role="admin")

    assert ask("workspace_members", tenant, engines) == {
        "members": [
            {
                "user_id": ada,
                "display_name": "Ada Lovelace",
                "email": f"{ada[:8]}@example.com",
                "role": "owner",
                "joined_at": "2026-01-01T00:00:06+00:00",
                "updated_at": "2026-01-01T00:00:06+00:00",
            },
            {
                "user_id": grace,
                "display_name": "Grace Hopper",
                "email": f"{grace[:8]}@example.com",
                "role": "admin",
                "joined_at": "2026-01-01T00:00:07+00:00",
                "updated_at": "2026-01-01T00:00:09+00:00",
            },
        ],
        "pagination": {"limit": 50, "offset": 0, "count": 2, "total": 2, "next_cursor": None},
    }


def test_a_member_whose_user_is_not_projected_yet_is_shown_without_a_name(story: Story, tenant: str, ask: Ask) -> None:
    ghost = story.new_id()
    engines = story.workspace(tenant, ghost)

    (member,) = ask("workspace_members", tenant, engines)["members"]

    assert (member["user_id"], member["display_name"], member["email"]) == (ghost, None, None)


def test_a_workspace_brings_its_first_hundred_members(story: Story, tenant: str, ask: Ask) -> None:
    ada = story.user(tenant)
    engines = story.workspace(tenant, ada)
    members = [ada, *(story.user(tenant) for _ in range(101))]
    for member in members[1:]:
        story.joins(tenant, engines, member)

    shown = ask("workspace", tenant, engines)

    assert shown["member_count"] == 102
    assert [member["user_id"] for member in shown["members"]] == members[:100]


def test_workspaces_come_newest_first_and_those_deleted_not_at_all(story: Story, tenant: str, ask: Ask) -> None:
    ada = story.user(tenant)
    first, second, third = (story.workspace(tenant, ada, name) for name in ("One", "Two", "Three"))
    story.deleted(tenant, second, ada)

    shown = ask("workspaces_of_tenant", tenant)

    assert [workspace["id"] for workspace in shown["workspaces"]] == [third, first]
    assert {**shown["workspaces"][0], "members": []} == {**ask("workspace", tenant, third), "members": []}
    assert shown["pagination"] == {"limit": 50, "offset": 0, "count": 2, "total": 2, "next_cursor": None}
    assert ask("workspace", tenant, second) is None
    assert ask("workspace_members", tenant, second) is None


def test_a_summary_tells_the_tenant_and_its_counts(story: Story, tenant: str, ask: Ask) -> None:
    ada = story.user(tenant)
    story.registered(tenant)
    story.workspace(tenant, ada)

    assert ask("tenant_summary", tenant) == {
        "tenant_id": tenant,
        "name": "Acme",
        "slug": "acme",
        "plan_type": "enterprise",
        "total_users": 2,
        "active_users": 1,
        "total_workspaces": 1,
        "quotas": {"users": 1000, "workspaces": 500},
        "created_at": "2026-01-01T00:00:01+00:00",
        "updated_at": "2026-01-01T00:00:05+00:00",
        "event_version": 1,
    }


def test_a_dashboard_has_the_summary_and_the_newest_ten(story: Story, tenant: str, ask: Ask) -> None:
    ids = [story.user(tenant) for _ in range(12)]
    workspaces = [story.workspace(tenant, ids[0], f"Number {number}") for number in range(12)]

    shown = ask("dashboard", tenant)

    assert shown["summary"] == ask("tenant_summary", tenant)
    assert shown["recent_users"] == ask("users_of_tenant", tenant, limit=10)["users"]
    assert [user["id"] for user in shown["recent_users"]] == ids[:1:-1]
    assert shown["recent_workspaces"] == ask("workspaces_of_tenant", tenant, limit=10)["workspaces"]
    assert [workspace["id"] for workspace in shown["recent_workspaces"]] == workspaces[:1:-1]


def test_a_new_tenant_has_empty_lists(tenant: str, ask: Ask) -> None:
    nothing = {"limit": 50, "offset": 0, "count": 0, "total": 0, "next_cursor": None}

    assert ask("users_of_tenant", tenant) == {"users": [], "pagination": nothing}
    assert ask("workspaces_of_tenant", tenant) == {"workspaces": [], "pagination": nothing}
    assert ask("dashboard", tenant)["recent_users"] == ask("dashboard", tenant)["recent_workspaces"] == []


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("user", [NOBODY, NOBODY]),
        ("users_of_tenant", [NOBODY]),
        ("workspace", [NOBODY, NOBODY]),
        ("workspaces_of_tenant", [NOBODY]),
        ("workspace_members", [NOBODY, NOBODY]),
        ("tenant_summary", [NOBODY]),
        ("dashboard", [NOBODY]),
    ],
)
def test_what_does_not_exist_is_not_found(tenant: str, ask: Ask, query: str, ids: list[str]) -> None:
    assert ask(query, *ids) is None
    if len(ids) == 2:
        assert ask(query, tenant, NOBODY) is None


def test_what_belongs_to_another_tenant_is_not_found(story: Story, tenant: str, ask: Ask) -> None:
    ada = story.user(tenant)
    engines = story.workspace(tenant, ada)
    other = story.tenant("Other")

    assert ask("user", other, ada) is None
    assert ask("workspace", other, engines) is None
    assert ask("workspace_members", other, engines) is None


def test_a_tenant_of_which_only_users_are_known_has_no_summary(story: Story, ask: Ask) -> None:
    tenant = story.new_id()
    ada = story.user(tenant)

    assert ask("tenant_summary", tenant) is None
    assert ask("dashboard", tenant) is None
    assert ask("user", tenant, ada)["id"] == ada


def test_an_answer_says_what_position_it_shows(
    story: Story, tenant: str, query_pool: Pool, projected: Callable[[], None]
) -> None:
    ada = story.user(tenant)
    projected()

    answer = Queries(query_pool).read("user", tenant, user_id=ada)

    assert answer.body is not None
    assert answer.position == Position(shard_of(tenant), 3)


def test_the_position_is_that_of_the_slowest_projection_it_reads(
    story: Story, tenant: str, query_pool: Pool, engine_pool: Pool, projected: Callable[[], None]
) -> None:
    engines = story.workspace(tenant, story.user(tenant))
    projected()
    story.user(tenant)
    ProjectionEngine(engine_pool, story, [users]).run(shard_of(tenant))
    queries = Queries(query_pool)

    workspace = queries.read("workspace", tenant, workspace_id=engines)
    user = queries.read("user", tenant, user_id=json.loads(workspace.body or b"")["owner_id"])

    assert user.body is not None
    assert workspace.position.offset == 4
    assert user.position.offset == 6


def test_text_of_any_kind_comes_back_as_it_was(story: Story, tenant: str, ask: Ask) -> None:
    settings = {'"\\\n\t\u2028': ["\x7f", "💾", {"%s": 1e22, "{x}": None}], "int": 2**60, "float": 0.1}
    ada = story.user(tenant, "O'Ada \\ %s", '{"x"} 💾')
    story.happens("workspace.updated", tenant, story.workspace(tenant, ada), settings=settings)
    (workspace,) = ask("workspaces_of_tenant", tenant)["workspaces"]
    story.happens("workspace.updated", tenant, workspace["id"], name="again, with a row that was loaded")

    assert ask("user", tenant, ada)["display_name"] == 'O\'Ada \\ %s {"x"} 💾'
    assert ask("workspace", tenant, workspace["id"])["settings"] == settings
