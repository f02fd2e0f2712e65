"""Reading the histories of aggregates as a function, which is planned once for each session."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute((Path(__file__).parents[1] / "sql" / "0003_histories.sql").read_text())


def downgrade() -> None:
    op.execute("DROP FUNCTION write_schema.histories")
