"""What PostgreSQL says of both schemas itself: the walls between tenants, and that tables can be distributed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
from psycopg2.extensions import cursor as Cursor

#: What belongs to no tenant: Alembic's own, what the engine keeps about itself, and the shards' heads.
INFRASTRUCTURE = {
    "read": {
        "alembic_version",
        "clock_jobs",
        "lagging_marks",
        "processes",
        "projection_checkpoints",
        "projection_rebuilds",
        "projection_samples",
        "projection_verifications",
        "projections",
    },
    "write": {"alembic_version"},
}

#: What every key of a side begins with, so that the schema can be distributed by that column as it stands.
FIRST = {"read": "tenant_id", "write": "shard"}


@pytest.fixture
def catalogue(database_url: str) -> Iterator[Cursor]:
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        yield cursor


def tables(catalogue: Cursor, side: str, condition: str = "true") -> set[str]:
    catalogue.execute(
        "SELECT relname FROM pg_class t "
        f"WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'p') AND {condition}",
        (f"{side}_schema",),
    )
    return {row[0] for row in catalogue.fetchall()}


#: A tenant's rows are told by its id; reservations have it under the name of namespace.
HAS_TENANT = """EXISTS (SELECT FROM pg_attribute WHERE attrelid = t.oid AND attname IN ('tenant_id', 'namespace'))"""
HAS_WALL = """relrowsecurity AND relforcerowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = t.oid)"""


@pytest.mark.parametrize("side", ["read", "write"])
def test_every_table_with_tenants_has_a_wall_that_its_owner_can_not_pass_either(catalogue: Cursor, side: str) -> None:
    with_tenants = tables(catalogue, side, HAS_TENANT)

    assert len(with_tenants) >= 5
    assert tables(catalogue, side, HAS_WALL) >= with_tenants


@pytest.mark.parametrize("side", ["read", "write"])
def test_what_has_no_tenants_is_known(catalogue: Cursor, side: str) -> None:
    """A new table either says whose its rows are, or is named above with a reason."""
    others = tables(catalogue, side) - tables(catalogue, side, HAS_TENANT)

    assert others - {"shards"} <= INFRASTRUCTURE[side], "a new table without tenant_id"


@pytest.mark.parametrize("side", ["read", "write"])
def test_every_key_begins_with_what_the_schema_is_distributed_by(catalogue: Cursor, side: str) -> None:
    catalogue.execute(
        "SELECT relname, i.indexrelid::regclass::text, attname FROM pg_index i "
        "JOIN pg_class t ON t.oid = i.indrelid JOIN pg_attribute ON attrelid = t.oid AND attnum = i.indkey[0] "
        "WHERE relnamespace = %s::regnamespace AND indisunique",
        (f"{side}_schema",),
    )
    keys = [row for row in catalogue.fetchall() if row[0] not in INFRASTRUCTURE[side]]

    assert len(keys) >= 5
    assert [key for key in keys if key[2] != FIRST[side]] == []


def test_nobody_is_let_through_every_wall(catalogue: Cursor) -> None:
    catalogue.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")

    assert catalogue.fetchone() == (False,), "as such a role no wall would have been tested"
