"""Long histories for benchmarks, made within PostgreSQL."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

from domain.postgres.pool import Pool
from domain.read.engine import SESSION, ProjectionEngine
from domain.read.projections import PROJECTIONS
from domain.write.postgres_store import PostgresEventStore

_SQL = (Path(__file__).parent / "history.sql").read_text()


def happen(
    pool: Pool, users: int, *, first: int = 0, tenants: int = 100, workspaces: bool = True, rounds: int = 5
) -> None:
    """Let *users* register and do *rounds* things in all, in a store in which users before the *first* have done so."""
    values = {"users": users, "first": first, "tenants": tenants, "workspaces": workspaces, "rounds": rounds}
    with pool.cursor() as cursor:
        # The engine's sessions, which may be given here, are tuned for looking up a few rows.
        cursor.execute("SET statement_timeout = 0; SET enable_hashjoin = on; SET enable_mergejoin = on")
        cursor.execute(_SQL, values)
        cursor.execute("VACUUM ANALYZE write_schema.domain_events")
        cursor.execute("RESET statement_timeout; RESET enable_hashjoin; RESET enable_mergejoin")


def fold(url: str, hands: int = 2) -> None:
    """Bring the read models at *url* up to the log, in so many processes of their own."""
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_fold, args=(url, hand, hands)) for hand in range(hands)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0


def _fold(url: str, hand: int, hands: int) -> None:
    pool = Pool(url, settings=SESSION)
    log = PostgresEventStore(pool)
    engine = ProjectionEngine(pool, log, PROJECTIONS, batch_size=1000)
    for shard in sorted(log.heads())[hand::hands]:
        engine.catch_up(shard, seconds=3600)
    pool.close()
