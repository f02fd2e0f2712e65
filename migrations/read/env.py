"""Alembic's entry for read_schema."""

from domain.read.schema import metadata
from migrations.environment import run

run("read_schema", metadata)
