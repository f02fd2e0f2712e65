"""Rebuilds of projections, and what the verifier found."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute((Path(__file__).parents[1] / "sql" / "0003_rebuilds.sql").read_text())


def downgrade() -> None:
    # The schemas of rebuilds and of the tables they replaced are made as they are needed.
    op.execute(
        "DO $$ DECLARE made text; BEGIN "
        "FOR made IN SELECT nspname FROM pg_namespace WHERE nspname ~ '^read_schema_(rebuild|kept)_' LOOP "
        "EXECUTE format('DROP SCHEMA %I CASCADE', made); END LOOP; END $$"
    )
    for table in ("projection_verifications", "projection_rebuilds"):
        op.execute(f"DROP TABLE read_schema.{table}")
