"""Which processes live, what the clock does, and how the projections move."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute((Path(__file__).parents[1] / "sql" / "0004_watch.sql").read_text())


def downgrade() -> None:
    for table in ("lagging_marks", "projection_samples", "clock_jobs", "processes"):
        op.execute(f"DROP TABLE read_schema.{table}")
