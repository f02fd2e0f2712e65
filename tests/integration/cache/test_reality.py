"""The table of tags against reality: real projections, real queries, every event after every other."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from domain.cache.invalidation import raised_by
from domain.cache.keys import Key, key_of
from domain.model import aggregates  # noqa: F401 - It makes all event types known.
from domain.model.event import EVENT_TYPES
from domain.postgres.pool import Pool
from domain.read import engine, queries
from domain.read.engine import ProjectionEngine
from domain.read.projections import PROJECTIONS
from domain.read.queries import QUERY_PROJECTIONS, Queries
from tests.story import Story, random_story


@pytest.fixture
def pools(database_url):
    pools = [Pool(database_url, settings=settings) for settings in (engine.SESSION, queries.SESSION)]
    yield pools
    for pool in pools:
        pool.close()


class Reader:
    """Asks every question there is about what a story has told so far, through the cache and without it."""

    def __init__(self, cache, asked: Queries) -> None:
        self.cache = cache
        self.asked = asked

    def questions(self, told) -> list[tuple[str, str, dict[str, Any]]]:
        found: dict[tuple[str, str, str], tuple[str, str, dict[str, Any]]] = {}

        def ask(query: str, tenant_id: str, **arguments: Any) -> None:
            found[query, tenant_id, repr(arguments)] = query, tenant_id, arguments

        for event in told:
            tenant_id, id = event.tenant_id, event.aggregate_id
            ask("tenant_summary", tenant_id)
            ask("dashboard", tenant_id)
            for offset in (0, 2):
                ask("users_of_tenant", tenant_id, limit=2, offset=offset)
                ask("users_of_tenant", tenant_id, limit=2, offset=offset, active_only=True)
                ask("workspaces_of_tenant", tenant_id, limit=2, offset=offset)
            if event.aggregate_type == "user":
                ask("user", tenant_id, user_id=id)
            if event.aggregate_type == "workspace":
                ask("workspace", tenant_id, workspace_id=id)
                ask("workspace_members", tenant_id, workspace_id=id, limit=2)
                ask("workspace_members", tenant_id, workspace_id=id, limit=2, offset=1)
        return list(found.values())

    def truth(self, query: str, tenant_id: str, arguments: dict[str, Any]):
        return self.asked.read(query, tenant_id, **arguments).body

    def get(self, query: str, tenant_id: str, arguments: dict[str, Any]):
        key: Key = key_of(query, tenant_id, **arguments)
        return self.cache.get_or_load(key, lambda: self.asked.read(query, tenant_id, **arguments))


def everything_happens() -> Story:
    """Each event once or more, to those whom lists show and to others."""
    story = Story()
    tenant = story.tenant()
    ada, grace, mary = (story.user(tenant, name) for name in ("Ada", "Grace", "Mary"))
    engines, looms = story.workspace(tenant, ada), story.workspace(tenant, grace, "Looms")
    for user in (grace, mary):
        story.joins(tenant, engines, user)
    story.happens("tenant.updated", tenant, tenant, name="Acme & Sons")
    story.happens(
        "tenant.plan_changed", tenant, tenant, old_plan="a", new_plan="b", quotas={"users": 9, "workspaces": 9}
    )
    for user in (ada, grace, mary):
        story.happens("user.updated", tenant, user, last_name="Hopper")
        story.happens("user.updated", tenant, user, avatar="https://example.com/a.png")
        story.happens("user.role_changed", tenant, user, role="admin", action="added", changed_by=ada)
        story.deactivated(tenant, user)
        story.activated(tenant, user, "deactivated")
    for workspace in (engines, looms):
        story.happens("workspace.updated", tenant, workspace, name=f"New {workspace}")
    roles = {"old_role": "member", "new_role": "viewer"}
    story.happens("workspace.member_role_changed", tenant, engines, user_id=grace, **roles)
    story.leaves(tenant, engines, grace)
    story.deleted(tenant, looms, grace)
    return story


def test_all_events_happen():
    (events,) = everything_happens().events.values()
    assert {event.event_type for event in events} == EVENT_TYPES.keys()


@pytest.mark.parametrize(
    "tell", [everything_happens, lambda: random_story(1, 60, tenants=1)], ids=["everything", "anything"]
)
def test_no_event_leaves_an_old_answer_behind(tell, pools, cache, invalidator):
    engine_pool, query_pool = pools
    story = tell()
    (shard, events) = next(iter(story.events.items()))
    story.events[shard] = []
    cache.l2._applied = lambda _: len(story.events[shard])
    projections = ProjectionEngine(engine_pool, story, PROJECTIONS)
    reader = Reader(cache, Queries(query_pool))
    kept: Counter[tuple[str, str, str]] = Counter()

    for event in events:
        questions = reader.questions([*story.events[shard], event])
        for question in questions:
            reader.get(*question)
        story.events[shard].append(event)
        projections.catch_up(shard)
        invalidator.raise_(raised_by([event]))
        for question in questions:
            truth, found = reader.truth(*question), reader.get(*question)
            assert found.body == truth, (event.event_type, question)
            kept[question[0], event.event_type, found.level] += 1

    assert {query for query, _, _ in kept} == QUERY_PROJECTIONS.keys()
    levels = Counter(level for *_, level in kept.elements())
    # Most answers are left alone by most events, or the tags would be too coarse.
    assert levels["l2"] > levels["load"]
