"""Alembic's entry for write_schema."""

from domain.write.schema import metadata
from migrations.environment import run

run("write_schema", metadata)
