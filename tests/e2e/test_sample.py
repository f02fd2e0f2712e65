"""The sample goes in as commands and comes out of read models, whatever happens to the processes meanwhile."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import requests

from tests.e2e.fleet import Fleet, bearer, signal_group
from tests.e2e.sample import assert_it_is_the_sample, load_into, wait_until_caught_up
from tests.faults.scale import scaled
from workers.launcher.valkey import EmbeddedValkey

#: How many of the sample's tenants; `make run` loads all five in a test of its own.
TENANTS = scaled(2, 5)


def test_two_of_each_and_workers_killed_in_the_middle(database_url: str, redis_url: str, tmp_path: Path):
    with Fleet(database_url, redis_url, tmp_path).start_all(web=2, worker=2, clock=2) as fleet:
        # When a worker is killed again and again while the sample is loaded, over both web processes, and a clock too
        loading = threading.Thread(target=load_into, args=(fleet, TENANTS))
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

        # Then the result is the same as without
        assert_it_is_the_sample(database_url, TENANTS)


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
