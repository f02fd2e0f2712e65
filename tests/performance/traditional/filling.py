"""Making the tables and filling them from the service's read models, so that both hold the same."""

from __future__ import annotations

import psycopg2

from domain.postgres.statements import statements
from tests.e2e.sample import wait_until_caught_up

TABLES = ("tenants", "users", "user_roles", "workspaces", "memberships")


def fill(database_url: str) -> None:
    """Make the schema ``traditional`` anew in the database at *database_url*, with all that its read models hold.

    They hold all events by then. Fails if they don't within 30 s.
    """
    wait_until_caught_up(database_url)
    texts = statements("tests.performance.traditional")
    connection = psycopg2.connect(database_url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA IF EXISTS traditional CASCADE")
            for name in ("tables", "rows", "indexes"):
                cursor.execute(texts[name])
            for table in TABLES:
                cursor.execute(f"VACUUM ANALYZE traditional.{table}")
    finally:
        connection.close()
