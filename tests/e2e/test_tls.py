"""PostgreSQL and Redis with TLS alone, as platforms have them, and what reaches them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
import redis
import requests

from domain.bootstrap import bootstrap
from domain.cache.client import connect
from domain.read.bell import CHANNEL
from domain.settings import Settings
from tests.e2e.fleet import Fleet, bearer, wait_for
from tests.e2e.tls import TlsPostgres, TlsRedis
from web.doctor import caches
from workers.redis_broker import make_client


@pytest.fixture
def fleet(tls_database_url: str, tls_redis: TlsRedis, tmp_path: Path) -> Iterator[Fleet]:
    with Fleet(tls_database_url, tls_redis.url, tmp_path, REDIS_TLS_VERIFY="off") as fleet:
        yield fleet.start_all()


def test_everything_goes_over_tls_also_to_a_redis_that_nobody_vouches_for(
    fleet: Fleet, tls_database_url: str, tls_redis: TlsRedis
) -> None:
    root, url = bearer(fleet.token("super_admin")), fleet.urls[0]
    body = {"name": "Acme", "slug": "acme", "plan": "free"}

    # When a command has come through the broker to the read models, and a query through the cache
    created = requests.post(f"{url}/api/v1/tenants", json=body, headers=root, timeout=10).json()
    summary = f"{url}/api/v1/tenants/{created['id']}/summary"
    shown = requests.get(summary, headers=root | {"Min-Position": created["position"]}, timeout=10)
    assert (shown.status_code, shown.json()["name"]) == (200, "Acme")

    # Then each part says that it has what it needs
    cqrs = wait_for(lambda: _healthy(url), 20, "all to be well")
    assert cqrs["status"] == "healthy"
    wait_for(lambda: "hit" in requests.get(summary, headers=root, timeout=10).headers["Cache-Status"], 5, "a hit")
    with redis.Redis.from_url(tls_redis.trusting_url) as client:
        keys = [key.decode() for key in client.scan_iter()]
        subscribed = client.pubsub_numsub(CHANNEL)
    assert any(f"tenant_summary:{created['id']}" in key for key in keys), keys
    assert subscribed[0][1] >= 1

    # And PostgreSQL knows of no session of ours without TLS
    with closing(psycopg2.connect(tls_database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT application_name, bool_and(ssl) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) "
            "WHERE datname = current_database() GROUP BY 1"
        )
        sessions = dict(cursor.fetchall())
    assert {"cqrs commands", "cqrs projections", "cqrs queries", "cqrs clock"} <= sessions.keys()
    assert set(sessions.values()) == {True}

    # And so says the doctor, who finds nothing to fail.
    examined = json.loads(fleet.flask("doctor", "--json", check=False).stdout)
    told = [finding["found"] for finding in examined["findings"]]
    assert [line for line in told if line.endswith(("TLSv1.2", "TLSv1.3"))] != []
    assert [line for line in told if line.endswith("TLS, whatever certificate it shows")] != []
    assert examined["verdict"] == "warn", [line for line in examined["findings"] if line["verdict"] == "fail"]


def _healthy(url: str) -> dict[str, object] | None:
    answer = requests.get(f"{url}/health/cqrs", timeout=10).json()
    return answer if answer["status"] == "healthy" else None


def test_a_redis_that_nobody_vouches_for_is_refused_unless_its_certificate_is_known(tls_redis: TlsRedis) -> None:
    for reach in (connect, make_client):
        with reach(tls_redis.url, 2.0) as client, pytest.raises(redis.ConnectionError, match="self-signed"):
            client.ping()
        with reach(tls_redis.trusting_url, 2.0) as client:
            assert client.ping()


@pytest.mark.parametrize(
    ("said", "verdict", "words"),
    [
        ({}, "fail", "a certificate that nobody known has signed"),
        ({"REDIS_TLS_VERIFY": "off"}, "ok", "TLS, whatever certificate it shows"),
    ],
)
def test_the_doctor_says_what_keeps_redis_away(
    tls_postgres: TlsPostgres, tls_redis: TlsRedis, said: dict[str, str], verdict: str, words: str
) -> None:
    environment = {"DATABASE_URL": tls_postgres.url, "REDIS_URL": tls_redis.url, "JWT_SECRET": "x" * 32}
    container = bootstrap(Settings.from_environment(environment | said))

    found = next(caches.servers(container))

    assert found.verdict == verdict
    assert words in found.found
    container.close()


def test_a_postgres_that_nobody_vouches_for_is_refused_where_that_is_asked_for(tls_postgres: TlsPostgres) -> None:
    unknown = tls_postgres.url.partition("&sslrootcert")[0]
    settings = Settings.from_environment({"DATABASE_URL": unknown, "REDIS_URL": "redis://h", "JWT_SECRET": "x" * 32})

    with pytest.raises(psycopg2.OperationalError, match="root certificate"):
        psycopg2.connect(settings.database_url)
