"""The tables of read_schema. The migrations make them; a test compares the two.

Every key begins with tenant_id, so that each table can be distributed by it as it stands; the exceptions are the
checkpoints, which belong to shards, and the states of the projections. ``event_version`` is the version of the last
event of the row's own aggregate that the row has seen. ``…_position`` is the offset of the event that made the row:
lists are ordered by it, never by a time.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
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


def _list_index(name: str, *columns: Column[Any], only: str | None = None) -> None:
    """Index what a list shows, by the position of its rows, which is the last of *columns*.

    Every position is above 0. An index that says so is for those alone who ask for positions: else PostgreSQL takes it
    for the lookup of one row as well, where it knows of no more than a few, and reads all of the tenant.
    """
    placed = f"{columns[-1].name} > 0"
    Index(name, *columns, postgresql_where=text(f"{only} AND {placed}" if only else placed))


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
_list_index("user_projections_newest_idx", users.c.tenant_id, users.c.created_position)
_list_index("user_projections_newest_active_idx", users.c.tenant_id, users.c.created_position, only="status = 'active'")

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
_list_index(
    "workspace_projections_newest_idx", workspaces.c.tenant_id, workspaces.c.created_position, only="status = 'active'"
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
_list_index(
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
#: ``parked`` counts its rows in parked_aggregates. The cache has heard of all events up to ``invalidated_position``;
#: ``pending_since`` is when the oldest change was committed that it has not heard of, null where there is none.
checkpoints = Table(
    "projection_checkpoints",
    metadata,
    Column("shard", SmallInteger, nullable=False, autoincrement=False),
    Column("projection", Text, nullable=False),
    Column("position", BigInteger, nullable=False, server_default=text("0")),
    Column("event_id", UUID(as_uuid=False)),
    Column("moved_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("parked", Integer, nullable=False, server_default=text("0")),
    Column("invalidated_position", BigInteger, nullable=False, server_default=text("0")),
    Column("pending_since", DateTime(timezone=True)),
    PrimaryKeyConstraint("shard", "projection"),
)

#: Whether a projection is ``running`` or ``paused``, since when, why and by whom. One without a row is running. A pause
#: of the engine's own names the error and the shard on which a trial batch is run at ``next_trial_at``. Until
#: ``parks_until`` failing aggregates are parked however many they are.
projections = Table(
    "projections",
    metadata,
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("changed_by", Text, nullable=False),
    _time("since"),
    Column("error_class", Text),
    Column("error_text", Text),
    Column("trials", Integer, nullable=False, server_default=text("0")),
    Column("next_trial_at", DateTime(timezone=True)),
    Column("trial_shard", SmallInteger),
    Column("parks_until", DateTime(timezone=True)),
    PrimaryKeyConstraint("name"),
)

#: An aggregate whose event at ``from_position`` a projection can't fold: it and the later ones wait in the log. Rows
#: come and go under the lock of the checkpoint, which counts them. ``dead_at`` is set after the last attempt.
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
    Column("aggregate_type", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("error_trace", Text, nullable=False),
    _time("last_attempt_at"),
    Column("dead_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "projection", "aggregate_id"),
)
Index("parked_aggregates_shard_idx", parked_aggregates.c.shard, parked_aggregates.c.projection)
Index("parked_aggregates_due_idx", parked_aggregates.c.next_attempt_at)
Index(
    "parked_aggregates_alike_idx",
    parked_aggregates.c.projection,
    parked_aggregates.c.error_class,
    parked_aggregates.c.parked_at,
)

#: Events that a projection leaves out, on somebody's word. They stay so when it is rebuilt or verified.
skipped_events = Table(
    "skipped_events",
    metadata,
    _id("tenant_id"),
    Column("projection", Text, nullable=False),
    _id("aggregate_id"),
    Column("version", Integer, nullable=False),
    Column("shard", SmallInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("skipped_by", Text, nullable=False),
    _time("skipped_at"),
    Column("error_class", Text, nullable=False),
    Column("error_text", Text, nullable=False),
    PrimaryKeyConstraint("tenant_id", "projection", "aggregate_id", "version"),
)
Index("skipped_events_shard_idx", skipped_events.c.shard, skipped_events.c.projection)

#: Aggregates whose rows were changed behind the checkpoint (by a release, a skip or a repair), by their events from
#: ``from_version`` on, of which the cache has not heard yet.
rewritten_aggregates = Table(
    "rewritten_aggregates",
    metadata,
    _id("tenant_id"),
    Column("projection", Text, nullable=False),
    _id("aggregate_id"),
    Column("shard", SmallInteger, nullable=False),
    Column("from_version", Integer, nullable=False),
    _time("since"),
    PrimaryKeyConstraint("tenant_id", "projection", "aggregate_id"),
)
Index("rewritten_aggregates_shard_idx", rewritten_aggregates.c.shard)

#: A rebuild of a projection, or a way back to the tables that the last one replaced; see domain/read/rebuild. It runs
#: while ``finished_at`` is null.
projection_rebuilds = Table(
    "projection_rebuilds",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("projection", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("compare", Boolean, nullable=False, server_default=text("false")),
    Column("cut_over", Boolean, nullable=False, server_default=text("true")),
    Column("started_by", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
    Column("loaded_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    Column("events", BigInteger, nullable=False, server_default=text("0")),
    Column("comparison", JSONB),
    Column("error", Text),
)
Index(
    "projection_rebuilds_running_idx",
    projection_rebuilds.c.projection,
    unique=True,
    postgresql_where=text("finished_at IS NULL"),
)
Index("projection_rebuilds_latest_idx", projection_rebuilds.c.projection, projection_rebuilds.c.id)

#: What the verifier found the last time it looked at a projection, and how many aggregates it ever found drifted.
projection_verifications = Table(
    "projection_verifications",
    metadata,
    Column("projection", Text, primary_key=True),
    _time("verified_at"),
    Column("complete", Boolean, nullable=False),
    Column("aggregates", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("drifted", BigInteger, nullable=False),
    Column("examples", JSONB, nullable=False),
    Column("drifted_ever", BigInteger, nullable=False),
)

#: What an engine needs in its schema beside the tables of its projections.
BOOKKEEPING: tuple[Table, ...] = (checkpoints, projections, parked_aggregates, skipped_events, rewritten_aggregates)
