"""A real Prometheus scrapes the running service, and its alerts come on when something is broken."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from domain.settings import Settings
from tests.e2e.fleet import Fleet, bearer, signal_group, wait_for
from tests.e2e.operator_page import OperatorPage
from tests.integration.read.poison import execute
from tests.prometheus import Prometheus, prometheus
from web.tokens import make_token
from workers.launcher.valkey import EmbeddedValkey

DASHBOARDS = Path(__file__).parents[2] / "web" / "metrics" / "grafana"

#: Seconds within which whoever is on call has to be told.
TOLD = 30

TOKEN = "only-for-prometheus"

PROCESSES = {"web": 2, "worker": 2, "clock": 1}


@pytest.fixture
def fleet(database_url: str, redis_server: EmbeddedValkey, tmp_path: Path) -> Iterator[Fleet]:
    # Two web processes behind one port, so that each scrape is answered by either.
    with Fleet(database_url, redis_server.url, tmp_path, METRICS_TOKEN=TOKEN, WEB_CONCURRENCY="2") as fleet:
        yield fleet.start_all(worker=2)


@pytest.fixture
def watching(fleet: Fleet, tmp_path: Path) -> Iterator[Prometheus]:
    with prometheus(tmp_path, [url.removeprefix("http://") for url in fleet.urls], TOKEN) as watching:
        yield watching


class Client:
    """Sends requests with the token of a super admin."""

    def __init__(self, fleet: Fleet) -> None:
        self.api = f"{fleet.urls[0]}/api/v1"
        token = _token(fleet.environment)
        self.headers = bearer(token)
        self.page = OperatorPage(fleet.urls[0], token)

    def send(self, method: str, path: str, body: object = None) -> requests.Response:
        return requests.request(method, self.api + path, json=body, headers=self.headers, timeout=10)


def _token(environment: dict[str, str]) -> str:
    settings = Settings.from_environment(environment)
    return make_token(settings, user_id="root", tenant_id=None, roles={"super_admin"}, seconds=600)


def alert(watching: Prometheus, name: str, since: float) -> str:
    """Wait until the alert is on; return what it says."""
    return wait_for(lambda: watching.firing().get(name), max(0.1, since + TOLD - time.monotonic()), f"{name} to be on")


def test_whoever_is_on_call_is_told_within_30_s_what_is_broken_and_what_to_do(
    fleet: Fleet, watching: Prometheus, redis_server: EmbeddedValkey, database_url: str
) -> None:
    client = Client(fleet)
    tenant = client.send("POST", "/tenants", {"name": "Acme", "slug": "acme", "plan": "free"}).json()["id"]
    for _ in range(3):
        assert client.send("GET", f"/tenants/{tenant}/summary").status_code in (200, 404)

    # All is well: everything is scraped, and every dashboard can be drawn.
    wait_for(lambda: watching.value("min(cqrs_up)") == 1, 15, "all parts to be up")
    wait_for(lambda: watching.value("cqrs_workers_alive") == 2, 15, "both workers to be seen")
    assert watching.targets() == [("up", "")]
    wait_for(lambda: watching.value("min(cqrs_projection_events_total)") == 1, 15, "the event to be folded")
    for file in DASHBOARDS.glob("*.json"):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel.get("targets", []):
                watching.query(target["expr"].replace("$__rate_interval", "10s"))
    # Each tells of itself, whether it was asked for something or not.
    wait_for(lambda: watching.by("kind", "cqrs_processes") == PROCESSES, 15, "all processes to be seen")

    # When an event can't be folded, tokens come with a key that is gone, and PostgreSQL's disk is full
    began = time.monotonic()
    short = "ALTER TABLE read_schema.tenant_summary_projections ADD CONSTRAINT short CHECK (length(name) < 9)"
    execute(database_url, short)
    assert client.send("PATCH", f"/tenants/{tenant}", {"name": "A name that is too long"}).status_code == 200
    stranger = bearer(_token(fleet.environment | {"JWT_SECRET": "a-key-that-has-expired-and-is-not-known-any-more"}))
    for _ in range(10):
        assert requests.get(f"{client.api}/users/profile", headers=stranger, timeout=5).status_code == 401
    execute(
        database_url,
        "CREATE FUNCTION write_schema.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$; "
        "CREATE TRIGGER full_disk BEFORE INSERT ON write_schema.domain_events EXECUTE FUNCTION write_schema.full()",
    )
    assert client.send("PATCH", f"/tenants/{tenant}", {"name": "New"}).status_code == 503

    # Then there is an alert for each, and /health/cqrs says the same
    assert "dead-letters list" in alert(watching, "CqrsAggregateParked", began)
    assert "JWT_SECRET" in alert(watching, "CqrsUnknownKey", began)
    assert "Enlarge the disk" in alert(watching, "CqrsDiskFull", began)
    health = fleet.reasons()
    assert "has parked 1 aggregate" in health
    assert "tokens were refused" in health
    assert "PostgreSQL's disk is full" in health
    page = client.page()
    for words in ("has parked 1 aggregate", "tokens were refused", "PostgreSQL's disk is full"):
        assert words in page

    # When one worker hangs, the other one is killed, and a little later Redis goes too
    before = watching.value("sum(cqrs_projection_events_total)") or 0
    workers_gone = time.monotonic()
    hung, killed = fleet.running["worker"]
    signal_group(hung, signal.SIGSTOP)
    fleet.kill(killed)
    wait_for(lambda: "no worker is alive" in fleet.reasons(), TOLD, "the health to tell of it")
    # What they had counted stays counted.
    after = watching.value("sum(cqrs_projection_events_total)") or 0
    assert after >= before > 0
    redis_gone = time.monotonic()
    redis_server.kill()

    assert "Procfile's line worker" in alert(watching, "CqrsNoWorker", workers_gone)
    assert "Bring Redis back" in alert(watching, "CqrsRedisDown", redis_gone)
    assert "redis does not answer" in fleet.reasons()
    page = client.page()
    assert "redis does not answer" in page
    assert "no worker is alive" in page
    assert watching.targets() == [("up", "")]
    # No sum has ever fallen, whichever process was asked, and whichever is gone.
    counted = watching.query('group by (__name__) (last_over_time({__name__=~"cqrs_.+_(total|count|bucket)"}[2m]))')
    names = {each["metric"]["__name__"] for each in counted}
    assert {"cqrs_projection_events_total", "cqrs_http_request_duration_seconds_count"} <= names
    assert {name for name in names if watching.value(f"sum(resets({name}[2m]))") != 0} == set()
