"""The tables of read_schema. The migrations make them; a test compares the two.

Every key begins with tenant_id, so that each table can be distributed by it as it stands; the one exception is the
checkpoints, which belong to shards. ``event_version`` is the version of the last event of the row's own aggregate that
the row has seen. ``…_position`` is the offset of the event that made the row: lists are ordered by it, never by a time.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

metadata = MetaData(schema="read_schema")


def _id(name: str) -> Column[Any]:
    return Column(name, UUID(as_uuid=False), nullable=False)


def _time(name: str) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=False)


users = Table(
    "user_projections",
    metadata,
    _id("tenant_id"),
    _id("user_id"),
    Column("email", Text, nullable=False),
    Column("first_name", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("avatar", Text),
    Column("timezone", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("deactivation_reason", Text),
    _time("created_at"),
    _time("updated_at"),
    Column("created_position", BigInteger, nullable=False),
    Column("event_version", Integer, nullable=False),
    PrimaryKeyConstraint("tenant_id", "user_id"),
)
Index("user_projections_newest_idx", users.c.tenant_id, users.c.created_position)
Index(
    "user_projections_newest_active_idx",
    users.c.tenant_id,
    users.c.created_position,
    postgresql_where=text("status = 'active'"),
)

#: A deleted workspace keeps its row, so that a repeated event doesn't bring it back; no query shows it.
workspaces = Table(
    "workspace_projections",
    metadata,
    _id("tenant_id"),
    _id("workspace_id"),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    _id("owner_id"),
    Column("status", Text, nullable=False),
    Column("is_public", Boolean, nullable=False),
    Column("settings", JSONB, nullable=False),
    Column("member_count", Integer, nullable=False),
    _time("created_at"),
    _time("updated_at"),
    Column("created_position", BigInteger, nullable=False),
    Column("event_version", Integer, nullable=False),
    PrimaryKeyConstraint("tenant_id", "workspace_id"),
)
Index(
    "workspace_projections_newest_idx",
    workspaces.c.tenant_id,
    workspaces.c.created_position,
    postgresql_where=text("status = 'active'"),
)

workspace_members = Table(
    "workspace_member_projections",
    metadata,
    _id("tenant_id"),
    _id("workspace_id"),
    _id("user_id"),
    Column("role", Text, nullable=False),
    _time("joined_at"),
    _time("updated_at"),
    Column("joined_position", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "workspace_id", "user_id"),
)
Index(
    "workspace_member_projections_oldest_idx",
    workspace_members.c.tenant_id,
    workspace_members.c.workspace_id,
    workspace_members.c.joined_position,
)

#: ``event_version`` is the tenant's own; 0 while only its users or workspaces have been counted.
tenant_summaries = Table(
    "tenant_summary_projections",
    metadata,
    _id("tenant_id"),
    Column("name", Text, nullable=False),
    Column("slug", Text, nullable=False),
    Column("plan_type", Text, nullable=False),
    Column("total_users", Integer, nullable=False),
    Column("active_users", Integer, nullable=False),
    Column("total_workspaces", Integer, nullable=False),
    Column("quota_users", Integer, nullable=False),
    Column("quota_workspaces", Integer, nullable=False),
    _time("created_at"),
    _time("updated_at"),
    Column("event_version", Integer, nullable=False),
    PrimaryKeyConstraint("tenant_id"),
)

#: What each user and workspace adds to its tenant's summary, so that an event can't be counted twice.
tenant_summary_shares = Table(
    "tenant_summary_share_projections",
    metadata,
    _id("tenant_id"),
    _id("aggregate_id"),
    Column("users", SmallInteger, nullable=False),
    Column("active_users", SmallInteger, nullable=False),
    Column("workspaces", SmallInteger, nullable=False),
    Column("event_version", Integer, nullable=False),
    PrimaryKeyConstraint("tenant_id", "aggregate_id"),
)

#: How far a projection has got on a shard, and the event at that offset, by which a restored backup is recognised.
checkpoints = Table(
    "projection_checkpoints",
    metadata,
    Column("shard", SmallInteger, nullable=False, autoincrement=False),
    Column("projection", Text, nullable=False),
    Column("position", BigInteger, nullable=False, server_default=text("0")),
    Column("event_id", UUID(as_uuid=False)),
    Column("moved_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("shard", "projection"),
)

#: An aggregate whose events a projection can't fold: they wait in the log from ``from_position`` on.
parked_aggregates = Table(
    "parked_aggregates",
    metadata,
    _id("tenant_id"),
    Column("projection", Text, nullable=False),
    _id("aggregate_id"),
    Column("shard", SmallInteger, nullable=False),
    Column("from_position", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", DateTime(timezone=True)),
    Column("error_class", Text, nullable=False),
    Column("error_text", Text, nullable=False),
    _time("parked_at"),
    PrimaryKeyConstraint("tenant_id", "projection", "aggregate_id"),
)
Index("parked_aggregates_shard_idx", parked_aggregates.c.shard, parked_aggregates.c.projection)
Index("parked_aggregates_due_idx", parked_aggregates.c.next_attempt_at)
