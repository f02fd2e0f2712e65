"""The tables of write_schema. The migrations make them; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

metadata = MetaData(schema="write_schema")

#: ``head`` is the offset of the shard's last event. The row's lock orders the appends of a shard.
shards = Table(
    "shards",
    metadata,
    Column("shard", SmallInteger, autoincrement=False),
    Column("head", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("shard"),
    CheckConstraint("shard BETWEEN 0 AND 255", name="shards_shard_check"),
)

#: The log. Nothing in it is ever changed or deleted: a trigger refuses.
domain_events = Table(
    "domain_events",
    metadata,
    Column("shard", SmallInteger, autoincrement=False),
    Column("position", BigInteger, autoincrement=False),
    Column("event_id", UUID(as_uuid=False), nullable=False),
    Column("tenant_id", UUID(as_uuid=False), nullable=False),
    Column("aggregate_type", Text, nullable=False),
    Column("aggregate_id", UUID(as_uuid=False), nullable=False),
    Column("version", Integer, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("schema_version", SmallInteger, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("metadata", JSONB, nullable=False),
    PrimaryKeyConstraint("shard", "position"),
    UniqueConstraint("shard", "aggregate_id", "version", name="domain_events_version_key"),
)

#: A value that only one aggregate may have. ``namespace`` is the tenant within which it is unique; for a slug, which
#: is unique everywhere and lies on its own shard, it is the nil UUID.
reservations = Table(
    "reservations",
    metadata,
    Column("shard", SmallInteger, autoincrement=False),
    Column("namespace", UUID(as_uuid=False)),
    Column("scope", Text),
    Column("value", Text),
    Column("aggregate_id", UUID(as_uuid=False), nullable=False),
    PrimaryKeyConstraint("shard", "namespace", "scope", "value"),
)

#: What a tenant uses of its plan, and what the plan allows.
tenant_usage = Table(
    "tenant_usage",
    metadata,
    Column("shard", SmallInteger, autoincrement=False),
    Column("tenant_id", UUID(as_uuid=False)),
    Column("users", Integer, nullable=False, server_default="0"),
    Column("workspaces", Integer, nullable=False, server_default="0"),
    Column("max_users", Integer, nullable=False),
    Column("max_workspaces", Integer, nullable=False),
    PrimaryKeyConstraint("shard", "tenant_id"),
    CheckConstraint("users BETWEEN 0 AND max_users", name="tenant_usage_users_check"),
    CheckConstraint("workspaces BETWEEN 0 AND max_workspaces", name="tenant_usage_workspaces_check"),
)

#: What a command with an Idempotency-Key answered, so that its repetition gets the same answer and does nothing.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("shard", SmallInteger, autoincrement=False),
    Column("tenant_id", UUID(as_uuid=False)),
    Column("key", Text),
    Column("fingerprint", Text, nullable=False),
    Column("response", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("shard", "tenant_id", "key"),
    Index("idempotency_keys_created_at_idx", "created_at"),
)

#: An aggregate's state at a version, so that a long history isn't read for every command. May be deleted at any time.
snapshots = Table(
    "snapshots",
    metadata,
    Column("shard", SmallInteger, autoincrement=False),
    Column("aggregate_id", UUID(as_uuid=False)),
    Column("tenant_id", UUID(as_uuid=False), nullable=False),
    Column("version", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("schema_version", SmallInteger, nullable=False),
    Column("state", JSONB, nullable=False),
    PrimaryKeyConstraint("shard", "aggregate_id"),
)
