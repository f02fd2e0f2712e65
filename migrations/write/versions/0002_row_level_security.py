"""No session sees a tenant that it doesn't name."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = ("domain_events", "tenant_usage", "idempotency_keys", "snapshots", "reservations")


def upgrade() -> None:
    op.execute((Path(__file__).parents[1] / "sql" / "0002_row_level_security.sql").read_text())


def downgrade() -> None:
    for table in _TABLES:
        op.execute(f"DROP POLICY tenant_isolation ON write_schema.{table}")
        op.execute(f"ALTER TABLE write_schema.{table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY")
