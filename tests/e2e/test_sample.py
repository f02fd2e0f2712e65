"""The sample goes in as commands and comes out of read models, whatever happens to the processes meanwhile."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
import requests

from tests.e2e.comparison import Tables, assert_read_models_are_the_fold, checkpoints
from tests.e2e.fleet import Fleet, bearer, signal_group, wait_for
from tests.e2e.ratios import ratios_of
from workers.launcher.valkey import EmbeddedValkey

pytestmark = pytest.mark.e2e


def load(fleet: Fleet, set: int = 1) -> subprocess.CompletedProcess[str]:
    return fleet.flask("load-sample", "--set", str(set), "--url", fleet.urls[0])


def wait_until_caught_up(database_url: str) -> None:
    from domain.postgres.pool import Pool
    from domain.read.engine import SESSION
    from domain.write.postgres_store import PostgresEventStore

    pool, write = Pool(database_url, settings=SESSION), Pool(database_url)
    heads = PostgresEventStore(write).heads()
    wait_for(lambda: all(each == heads for each in checkpoints(pool).values()), 30, "the read models to catch up")
    pool.close()
    write.close()


def assert_it_is_the_sample(tables: Tables) -> None:
    assert len(tables["user_projections"]) == 1000
    summaries = tables["tenant_summary_projections"]
    assert len(summaries) == 5
    for (tenant,), summary in summaries.items():
        users = [user for user in tables["user_projections"].values() if user["tenant_id"] == tenant]
        workspaces = [each for each in tables["workspace_projections"].values() if each["tenant_id"] == tenant]
        assert summary["total_users"] == len(users)
        assert summary["active_users"] == sum(user["status"] == "active" for user in users)
        assert summary["total_workspaces"] == sum(each["status"] == "active" for each in workspaces)
        assert summary["plan_type"] == "enterprise"
    for (tenant, id), workspace in tables["workspace_projections"].items():
        members = [key for key in tables["workspace_member_projections"] if key[:2] == (tenant, id)]
        assert workspace["member_count"] == len(members)


def test_one_process_of_each_kind(database_url: str, redis_url: str, tmp_path: Path):
    with Fleet(database_url, redis_url, tmp_path, CACHE_WARMUP_RATE="500").start_all() as fleet:
        load(fleet)
        wait_until_caught_up(database_url)

        tables = assert_read_models_are_the_fold(database_url)
        assert_it_is_the_sample(tables)

        # A second load does nothing, and another set comes beside the first.
        again = fleet.flask("load-sample", "--if-empty", "--url", fleet.urls[0])
        assert "not loaded" in again.stdout

        tenant = next(iter(tables["tenant_summary_projections"]))[0]
        url, headers = fleet.urls[0], bearer(fleet.token("user", tenant))
        answer = requests.get(f"{url}/api/v1/tenants/{tenant}/dashboard", headers=headers, timeout=5)
        assert answer.status_code == 200
        assert len(answer.json()["recent_users"]) == 10

        ratios = ratios_of(url, bearer(fleet.token("super_admin")), tables)
        print(f"\nhit ratio: cold {ratios.cold:.1%}, after a warm-up {ratios.warm:.1%}, hot {ratios.hot:.1%}")
        assert ratios.cold == 0
        assert ratios.warm >= 0.80
        assert ratios.hot >= 0.95


def test_two_of_each_and_workers_killed_in_the_middle(database_url: str, redis_url: str, tmp_path: Path):
    with Fleet(database_url, redis_url, tmp_path).start_all(web=2, worker=2, clock=2) as fleet:
        # When a worker is killed again and again while the sample is loaded, over both web processes, and a clock too
        loading = threading.Thread(target=load, args=(fleet,))
        loading.start()
        kills = 0
        while loading.is_alive():
            time.sleep(0.7)
            fleet.kill(fleet.running["worker"].pop(0))
            fleet.start("worker")
            kills += 1
            if kills == 2:
                fleet.kill(fleet.running["clock"].pop(0))
        loading.join()
        assert kills >= 2
        wait_until_caught_up(database_url)

        # Then the result is the same as without
        assert_it_is_the_sample(assert_read_models_are_the_fold(database_url))


def test_commands_succeed_while_redis_is_away_and_the_read_models_catch_up(
    database_url: str, redis_server: EmbeddedValkey, tmp_path: Path
):
    with Fleet(database_url, redis_server.url, tmp_path).start_all() as fleet:
        url, root = fleet.urls[0], bearer(fleet.token("super_admin"))
        made = requests.post(
            f"{url}/api/v1/tenants",
            json={"name": "Acme", "slug": "acme", "plan": "enterprise"},
            headers=root,
            timeout=5,
        )
        tenant = made.json()["id"]

        # When Redis is stopped, then frozen
        register_during(url, root, tenant, "stopped", redis_server.stop, redis_server.start)
        register_during(url, root, tenant, "frozen", redis_server.freeze, redis_server.resume)

        # Then nothing was lost, and the read models catch up by themselves
        wait_until_caught_up(database_url)
        query = f"{url}/api/v1/tenants/{tenant}/summary"
        summary = requests.get(query, headers=root, timeout=5).json()
        assert summary["total_users"] == 40


def register_during(url: str, headers: dict[str, str], tenant: str, word: str, stop, start) -> None:
    """Register twenty users while Redis is away."""
    stop()
    for number in range(20):
        body = {"tenant_id": tenant, "email": f"{word}-{number}@example.com", "first_name": "A", "last_name": "B"}
        answer = requests.post(f"{url}/api/v1/users", json=body, headers=headers, timeout=5)
        assert answer.status_code == 201, answer.text
    start()


def test_a_stopped_fleet_leaves_in_order(database_url: str, redis_url: str, tmp_path: Path):
    with Fleet(database_url, redis_url, tmp_path).start_all() as fleet:
        processes = [process for group in fleet.running.values() for process in group]
        for process in processes:
            signal_group(process, signal.SIGTERM)

        assert [process.wait(30) for process in processes] == [0, 0, 0]
