"""The clock's jobs on real servers, run by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import redis

from domain.bootstrap import Container, bootstrap
from domain.model.position import shard_of
from domain.read.watch.processes import Processes
from domain.settings import Settings
from tests.integration.write.appends import answer, append, registered, tenant_created
from workers.forgetting import KEPT, Forgetting
from workers.hints import HintSender
from workers.jobs import jobs
from workers.launcher.valkey import EmbeddedValkey
from workers.redis_broker import QUEUE


@pytest.fixture
def environment(database_url: str, redis_url: str) -> dict[str, str]:
    return {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "JWT_SECRET": "x" * 32}


def wired(environment: dict[str, str], **changes: str) -> Iterator[Container]:
    container = bootstrap(Settings.from_environment(environment | changes))
    yield container
    container.close()


@pytest.fixture
def container(environment: dict[str, str]) -> Iterator[Container]:
    yield from wired(environment)


@pytest.fixture
def mixed(environment: dict[str, str]) -> Iterator[Container]:
    yield from wired(environment, PROJECTION_STRATEGY="tenant_summaries=batch", PROJECTION_BATCH_INTERVAL="7")


def waiting(url: str) -> int:
    with redis.Redis.from_url(url) as client:
        return int(client.llen(f"dramatiq:{QUEUE}"))


def something_happens(container: Container) -> int:
    tenant = str(uuid4())
    container.event_store.append(append(tenant, tenant_created(tenant), registered(tenant)))
    return shard_of(tenant)


def lags(container: Container) -> dict[str, int]:
    return {each["projection"]: each["lag"] for each in container.monitor.status()["projections"]}


def test_there_is_a_job_for_each_strategy_that_is_in_use(container: Container, mixed: Container) -> None:
    hints = HintSender(container.settings.redis_url)

    usual, with_batch = jobs(container, hints), jobs(mixed, hints)

    assert {"sweep", "retries", "checkpoints", "verify", "clean-up"} <= set(usual)
    assert set(with_batch) - set(usual) == {"batch", "batch-retries"}
    assert with_batch["batch"].seconds == 7
    hints.close()


def test_each_job_runs_on_an_empty_store_and_on_one_with_events(mixed: Container) -> None:
    hints = HintSender(mixed.settings.redis_url)

    for _ in range(2):
        for job in jobs(mixed, hints).values():
            job.run()
        shard = something_happens(mixed)
        mixed.engine.catch_up(shard)
    hints.close()


def test_the_sweep_sends_hints_and_leaves_the_folding_to_the_workers(container: Container, redis_url: str) -> None:
    something_happens(container)
    hints = HintSender(redis_url)

    jobs(container, hints)["sweep"].run()

    assert waiting(redis_url) == 1
    assert set(lags(container).values()) == {2}
    hints.close()


def test_while_redis_is_away_the_clock_folds_itself(container: Container, redis_server: EmbeddedValkey) -> None:
    redis_server.stop()
    something_happens(container)
    hints = HintSender(redis_server.url)

    jobs(container, hints)["sweep"].run()

    assert set(lags(container).values()) == {0}
    hints.close()


def test_the_tick_brings_up_what_the_hints_leave(mixed: Container, redis_server: EmbeddedValkey) -> None:
    # Given a clock that has to fold itself, so that we see what it would have the workers fold
    redis_server.stop()
    something_happens(mixed)
    hints = HintSender(redis_server.url)
    work = jobs(mixed, hints)

    work["sweep"].run()
    assert lags(mixed) == {"users": 0, "workspaces": 0, "tenant_summaries": 2}

    work["batch"].run()
    assert set(lags(mixed).values()) == {0}
    hints.close()


@pytest.mark.parametrize(("workers", "hands"), [(0, 2), (1, 2), (5, 5)])
def test_a_rebuild_is_asked_of_each_worker(container: Container, redis_url: str, workers: int, hands: int) -> None:
    hints = HintSender(container.settings.redis_url)
    processes = Processes(container.read_pool)
    for number in range(workers):
        processes.beat(str(UUID(int=number)), "worker", leads=False)
    processes.beat(str(uuid4()), "clock", leads=True)
    job = jobs(container, hints)["rebuilds"]
    job.run()
    assert waiting(redis_url) == 0
    container.rebuilder.start("users")

    for _ in range(2):
        job.run()

    assert waiting(redis_url) == hands
    hints.close()


def test_the_sample_of_the_verifier_is_kept_for_the_status(container: Container) -> None:
    container.engine.catch_up(something_happens(container))
    hints = HintSender(container.settings.redis_url)

    jobs(container, hints)["verify"].run()

    verified = [each["last_verification"] for each in container.monitor.status()["projections"]]
    assert all(each is not None and each["drifted"] == 0 for each in verified)
    hints.close()


def test_answers_older_than_a_day_are_forgotten_however_many(container: Container) -> None:
    # Given seven answers of which five are old
    tenant = str(uuid4())
    store = container.event_store
    store.append(append(tenant, tenant_created(tenant)))
    keys = [f"key-{number}" for number in range(7)]
    store.append(append(tenant, idempotency=[answer(key) for key in keys]))
    with container.write_pool.transaction() as cursor:
        cursor.execute("SELECT set_config('app.engine', 'on', true)")
        cursor.execute(
            "UPDATE write_schema.idempotency_keys SET created_at = %s WHERE key < 'key-5'",
            (datetime.now(UTC) - KEPT - timedelta(minutes=1),),
        )

    # When they are deleted two by two
    Forgetting(store, batch=2)()

    # Then the others are kept
    assert set(store.answered(tenant, keys)) == {"key-5", "key-6"}
