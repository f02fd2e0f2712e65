"""Events told in the words of the domain, in a log in memory."""

from __future__ import annotations

import random
import uuid
from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.model.event import RecordedEvent
from domain.model.event_log import EventLog, Interest
from domain.model.position import Position, shard_of

#: When the first event of every story happens; each later one a second after the one before.
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class MemoryEventLog(EventLog):
    """EventLog in lists."""

    def __init__(self) -> None:
        self.events: defaultdict[int, list[RecordedEvent]] = defaultdict(list)

    def read(self, shard: int, after: int, limit: int, only: Interest | None = None) -> list[RecordedEvent]:
        events = self.events[shard][after : after + limit]
        return events if only is None else only.within(events)

    def read_aggregate(self, shard: int, aggregate_id: str, after_version: int, limit: int) -> list[RecordedEvent]:
        own = (event for event in self.events[shard] if event.aggregate_id == aggregate_id)
        return [event for event in own if event.version > after_version][:limit]

    def head(self, shard: int) -> int:
        return len(self.events[shard])

    def occurred(self, places: Collection[Position]) -> dict[Position, datetime]:
        found = {place: self.read(place.shard, place.offset - 1, 1) for place in places}
        return {place: events[0].occurred_at for place, events in found.items() if events}

    def ids(self, places: Collection[Position]) -> dict[Position, str]:
        found = {place: self.read(place.shard, place.offset - 1, 1) for place in places}
        return {place: events[0].event_id for place, events in found.items() if events}

    def heads(self) -> dict[int, int]:
        return {shard: len(events) for shard, events in list(self.events.items()) if events}


class Story(MemoryEventLog):
    """A log that is written by saying what happens. Ids are made from a seed, so a story is the same every time."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self._versions: defaultdict[str, int] = defaultdict(int)
        self._told = 0

    def new_id(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def happens(self, type_: str, tenant_id: str, aggregate_id: str, /, **payload: Any) -> RecordedEvent:
        """Append an event of *type_*."""
        shard = shard_of(tenant_id)
        self._versions[aggregate_id] += 1
        self._told += 1
        event = RecordedEvent(
            shard=shard,
            position=len(self.events[shard]) + 1,
            event_id=self.new_id(),
            tenant_id=tenant_id,
            aggregate_type=type_.partition(".")[0],
            aggregate_id=aggregate_id,
            version=self._versions[aggregate_id],
            event_type=type_,
            schema_version=1,
            occurred_at=BEGIN + timedelta(seconds=self._told),
            payload=payload,
            metadata={},
        )
        self.events[shard].append(event)
        return event

    def tenant(self, name: str = "Acme", plan: str = "enterprise") -> str:
        id = self.new_id()
        quotas = {"users": 1000, "workspaces": 500}
        self.happens("tenant.created", id, id, name=name, slug=name.lower(), plan=plan, quotas=quotas)
        return id

    def registered(self, tenant_id: str, first_name: str = "Ada", last_name: str = "Lovelace", email: str = "") -> str:
        id = self.new_id()
        self.happens(
            "user.registered",
            tenant_id,
            id,
            user_id=id,
            tenant_id=tenant_id,
            email=email or f"{id[:8]}@example.com",
            first_name=first_name,
            last_name=last_name,
        )
        return id

    def activated(self, tenant_id: str, user_id: str, previous: str = "pending") -> None:
        self.happens("user.activated", tenant_id, user_id, status="active", previous_status=previous)

    def deactivated(self, tenant_id: str, user_id: str, reason: str | None = None, previous: str = "active") -> None:
        self.happens(
            "user.deactivated", tenant_id, user_id, status="deactivated", previous_status=previous, reason=reason
        )

    def user(self, tenant_id: str, first_name: str = "Ada", last_name: str = "Lovelace") -> str:
        """An active user."""
        id = self.registered(tenant_id, first_name, last_name)
        self.activated(tenant_id, id)
        return id

    def workspace(self, tenant_id: str, owner_id: str, name: str = "Engines") -> str:
        id = self.new_id()
        self.happens(
            "workspace.created",
            tenant_id,
            id,
            name=name,
            description="",
            owner_id=owner_id,
            is_public=False,
            settings={"colour": "blue"},
        )
        return id

    def joins(self, tenant_id: str, workspace_id: str, user_id: str, role: str = "member") -> None:
        self.happens("workspace.member_added", tenant_id, workspace_id, user_id=user_id, role=role)

    def leaves(self, tenant_id: str, workspace_id: str, user_id: str) -> None:
        self.happens("workspace.member_removed", tenant_id, workspace_id, user_id=user_id)

    def deleted(self, tenant_id: str, workspace_id: str, deleted_by: str) -> None:
        self.happens("workspace.deleted", tenant_id, workspace_id, deleted_by=deleted_by)


def random_story(seed: int, length: int, tenants: int = 2) -> Story:
    """A story of about *length* events in which everything may happen that the rules allow."""
    story = Story(seed)
    chance = story.random
    homes = [_Home(story, story.tenant(f"Tenant-{number}")) for number in range(tenants)]
    while sum(story.heads().values()) < length:
        chance.choice(homes).something_happens()
    return story


class _Home:
    """A tenant in a random story, and what it has."""

    def __init__(self, story: Story, tenant_id: str) -> None:
        self.story, self.id = story, tenant_id
        self.users: dict[str, str] = {}
        self.workspaces: dict[str, dict[str, str]] = {}

    def something_happens(self) -> None:
        chance = self.story.random
        if len(self.users) < 2 or chance.random() < 0.2:
            self.users[self.story.registered(self.id, chance.choice(["Ada", "Grace", "Mary"]))] = "pending"
            return
        chance.choice([self._tenant, self._user, self._user, self._workspace, self._workspace, self._members])()

    def _tenant(self) -> None:
        name = f"Name {self.story.random.random()}"
        if self.story.random.random() < 0.5:
            self.story.happens("tenant.updated", self.id, self.id, name=name)
        else:
            quotas = {"users": 5000, "workspaces": 50}
            self.story.happens(
                "tenant.plan_changed", self.id, self.id, old_plan="enterprise", new_plan="custom", quotas=quotas
            )

    def _user(self) -> None:
        chance, story = self.story.random, self.story
        id = chance.choice(list(self.users))
        status = self.users[id]
        what = chance.random()
        if status != "active":
            story.activated(self.id, id, status)
            self.users[id] = "active"
        elif what < 0.2:
            story.deactivated(self.id, id, chance.choice([None, "left"]))
            self.users[id] = "deactivated"
        elif what < 0.6:
            changes = {"last_name": f"Name {what}", "avatar": chance.choice([None, "https://example.com/a.png"])}
            story.happens("user.updated", self.id, id, **changes)
        else:
            action = chance.choice(["added", "removed"])
            story.happens("user.role_changed", self.id, id, role="admin", action=action, changed_by=id)

    def _workspace(self) -> None:
        chance, story = self.story.random, self.story
        what = chance.random()
        if not self.workspaces or what < 0.3:
            owner = chance.choice(list(self.users))
            self.workspaces[story.workspace(self.id, owner, f"Workspace {what}")] = {owner: "owner"}
            return
        id = chance.choice(list(self.workspaces))
        if what < 0.45:
            story.deleted(self.id, id, next(iter(self.users)))
            del self.workspaces[id]
        else:
            story.happens("workspace.updated", self.id, id, name=f"Name {what}", settings={"n": [what, None]})

    def _members(self) -> None:
        if not self.workspaces:
            return
        chance, story = self.story.random, self.story
        id = chance.choice(list(self.workspaces))
        members = self.workspaces[id]
        user = chance.choice(list(self.users))
        if user not in members:
            members[user] = chance.choice(["member", "viewer"])
            story.joins(self.id, id, user, members[user])
        elif members[user] == "owner":
            return
        elif chance.random() < 0.5:
            del members[user]
            story.leaves(self.id, id, user)
        else:
            old, members[user] = members[user], chance.choice(["admin", "viewer"])
            story.happens(
                "workspace.member_role_changed", self.id, id, user_id=user, old_role=old, new_role=members[user]
            )
