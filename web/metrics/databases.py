"""How large the databases are, and how full of connections, by what they say themselves."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from domain.postgres.pool import Pool
from web.metrics.families import gauge

#: A replica says how old the last transaction is that it has played; with nothing new that grows, and means nothing.
_ASK = """
SELECT pg_database_size(current_database()),
    (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
    current_setting('max_connections')::int,
    CASE WHEN pg_is_in_recovery() AND pg_last_wal_receive_lsn() IS DISTINCT FROM pg_last_wal_replay_lsn()
        THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float ELSE 0 END
"""


def database(name: str, pool: Pool) -> Iterator[Metric]:
    """Ask the database that *pool* leads to. Raises what psycopg2 raises."""
    with pool.cursor() as cursor:
        cursor.execute(_ASK)
        size, used, most, lag = cursor.fetchone() or (None, None, None, None)
    for metric, text, value in (
        ("size_bytes", "Bytes on the disk of a database", size),
        ("connections", "Connections to a database, of all programs", used),
        ("connections_max", "How many connections the server of a database takes", most),
        ("replay_lag_seconds", "How far a replica is behind; 0 for what is none, and while nothing is on its way", lag),
    ):
        yield gauge(f"cqrs_database_{metric}", text, ("database",), {(name,): value})
