"""The read models, their checkpoints, and the walls between tenants."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    "parked_aggregates",
    "projection_checkpoints",
    "tenant_summary_share_projections",
    "tenant_summary_projections",
    "workspace_member_projections",
    "workspace_projections",
    "user_projections",
)


def upgrade() -> None:
    op.execute((Path(__file__).parents[1] / "sql" / "0001_read_models.sql").read_text())


def downgrade() -> None:
    for table in _TABLES:
        op.execute(f"DROP TABLE read_schema.{table}")
