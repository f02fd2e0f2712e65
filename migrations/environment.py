"""What Alembic runs, for either schema, online or as SQL text."""

from __future__ import annotations

import time

import psycopg2.errors
from alembic import context
from sqlalchemy import Connection, MetaData, create_engine, pool, text
from sqlalchemy.exc import OperationalError

from domain.postgres.url import normalised

#: How long a migration waits for a lock. The release before it serves meanwhile, and all who want the same table wait
#: behind.
_LOCK_TIMEOUT = "1s"

#: Seconds that lie between two attempts, for those who waited, and how many attempts there are.
_PAUSE, _ATTEMPTS = 2.0, 30


def run(schema: str, metadata: MetaData) -> None:
    """Bring *schema* to the revision that Alembic was called with."""

    def migrate(connection: Connection | None) -> None:
        context.configure(
            connection=connection,
            dialect_name="postgresql",
            target_metadata=metadata,
            version_table_schema=schema,
            include_schemas=True,
            include_name=lambda name, type_, _parents: type_ != "schema" or name == schema,
            literal_binds=connection is None,
            # Otherwise each percent sign would be printed twice, as psycopg2 wants it.
            dialect_opts={"paramstyle": "named"} if connection is None else {},
        )
        with context.begin_transaction():
            context.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            context.run_migrations()

    if context.is_offline_mode():
        migrate(None)
        return
    if given := context.config.attributes.get("connection"):
        migrate(given)
        return
    engine = create_engine(normalised(context.config.attributes["url"]), poolclass=pool.NullPool)
    with engine.connect() as connection:
        # Two release phases at once would race to make the same tables; the second waits and finds nothing to do.
        connection.execute(text("SELECT pg_advisory_lock(hashtext(:schema))"), {"schema": f"migrations {schema}"})
        connection.execute(text(f"SET lock_timeout = '{_LOCK_TIMEOUT}'"))
        connection.commit()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                migrate(connection)
                connection.commit()
                break
            except OperationalError as error:
                connection.rollback()
                if attempt == _ATTEMPTS or not isinstance(error.orig, psycopg2.errors.LockNotAvailable):
                    raise
                time.sleep(_PAUSE)
    engine.dispose()
