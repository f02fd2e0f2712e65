"""A statement that takes too long goes away by itself, or comes again each time with the same event."""

from __future__ import annotations

import psycopg2.errors
import pytest

from domain.model.position import shard_of
from domain.postgres.pool import Pool
from domain.read import engine
from domain.read.engine import ProjectionEngine
from domain.read.failure import Policy
from domain.read.projections import PROJECTIONS
from tests.integration.read.conftest import Pools, rows_in
from tests.integration.read.poison import execute, make_due, parked, sequential_fold
from tests.story import Story

#: How long a statement may take, in milliseconds, and a name about which one takes longer.
TIMEOUT, NAME = 1800, "Slowcoach"


@pytest.fixture
def engine_pool(pool: Pools) -> Pool:
    return pool({**engine.SESSION, "statement_timeout": f"{TIMEOUT}ms"})


@pytest.fixture
def slow(database_url: str) -> None:
    """Let the database take its time over one name."""
    execute(
        database_url,
        f"""CREATE FUNCTION read_schema.dawdle() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF NEW.first_name = '{NAME}' THEN PERFORM pg_sleep(30); END IF; RETURN NEW; END $$;
        CREATE TRIGGER dawdle BEFORE INSERT OR UPDATE ON read_schema.user_projections
        FOR EACH ROW EXECUTE FUNCTION read_schema.dawdle()""",
    )


def test_what_takes_too_long_each_time_is_parked_in_the_end_and_all_else_goes_on(
    engine_pool: Pool, database_url: str, story: Story, slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_PATIENCE", 1)
    tenant = story.tenant()
    story.registered(tenant, "Ada")
    culprit = story.registered(tenant, NAME)
    story.registered(tenant, "Grace")
    shard = shard_of(tenant)
    projecting = ProjectionEngine(engine_pool, story, PROJECTIONS, policy=Policy())

    # It may go away by itself, so at first nothing is parked.
    with pytest.raises(psycopg2.errors.QueryCanceled):
        projecting.catch_up(shard)
    assert parked(engine_pool) == {}

    assert projecting.catch_up(shard).failed == ("users",)
    assert {(id, row["error_class"]) for (_, id), row in parked(engine_pool).items()} == {(culprit, "QueryCanceled")}
    assert rows_in(engine_pool) == sequential_fold(story, {("users", culprit): 1})

    # Tried again it takes too long again, and the shard's news don't wait for it.
    story.registered(tenant, "Alan")
    make_due(engine_pool)
    assert projecting.catch_up(shard).applied == 1
    assert parked(engine_pool)["users", culprit]["attempts"] == 2

    execute(database_url, "DROP TRIGGER dawdle ON read_schema.user_projections")
    make_due(engine_pool)
    assert projecting.catch_up(shard).released == 1
    assert rows_in(engine_pool) == sequential_fold(story)
