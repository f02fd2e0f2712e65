"""Paused projections, parked aggregates, skipped events, and what the cache has not heard of yet."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute((Path(__file__).parents[1] / "sql" / "0002_failures.sql").read_text())


def downgrade() -> None:
    for table in ("rewritten_aggregates", "skipped_events", "projections"):
        op.execute(f"DROP TABLE read_schema.{table}")
    for column in ("parked", "invalidated_position", "pending_since"):
        op.execute(f"ALTER TABLE read_schema.projection_checkpoints DROP COLUMN {column}")
    op.execute("DROP INDEX read_schema.parked_aggregates_alike_idx")
    for column in ("aggregate_type", "event_type", "version", "error_trace", "last_attempt_at", "dead_at"):
        op.execute(f"ALTER TABLE read_schema.parked_aggregates DROP COLUMN {column}")
