"""Long histories for benchmarks, made within PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from domain.postgres.pool import Pool

_SQL = (Path(__file__).parent / "history.sql").read_text()


def happen(pool: Pool, users: int, *, first: int = 0, tenants: int = 100, workspaces: bool = True) -> None:
    """Let *users* register and do five things each, in a store in which users before the *first* have done so."""
    values = {"users": users, "first": first, "tenants": tenants, "workspaces": workspaces}
    with pool.cursor() as cursor:
        # The engine's sessions, which may be given here, are tuned for looking up a few rows.
        cursor.execute("SET statement_timeout = 0; SET enable_hashjoin = on; SET enable_mergejoin = on")
        cursor.execute(_SQL, values)
        cursor.execute("VACUUM ANALYZE write_schema.domain_events")
        cursor.execute("RESET statement_timeout; RESET enable_hashjoin; RESET enable_mergejoin")
