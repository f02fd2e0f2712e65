"""The event store: the log, what its appends claim, and the one function that appends."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute((Path(__file__).parents[1] / "sql" / "0001_event_store.sql").read_text())


def downgrade() -> None:
    op.execute("DROP FUNCTION write_schema.append_events")
    for table in ("snapshots", "idempotency_keys", "tenant_usage", "reservations", "domain_events", "shards"):
        op.execute(f"DROP TABLE write_schema.{table}")
    op.execute("DROP FUNCTION write_schema.refuse_change")
    op.execute("DROP FUNCTION write_schema.shard_of")
