"""What Prometheus reads."""

from __future__ import annotations

import re
import subprocess

import jwt
import pytest
import redis

from tests.integration.read.poison import execute
from tests.integration.web.scraped import families, text, value
from tests.integration.web.service import Make, Service, Tenant
from tests.prometheus import program
from workers.hints import HintSender

#: All labels that there may be. Each has few values, whatever is asked of the service and however much is in it.
LABELS = {
    *(
        "method",
        "route",
        "status",
        "query",
        "source",
        "command",
        "outcome",
        "actor",
        "job",
        "projection",
        "state",
        "by",
    ),
    *("level", "event", "pool", "error", "reason", "kind", "trouble", "database", "server", "queue", "part"),
    *("version", "python", "le"),
}

UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-")


@pytest.fixture
def busy(service: Service, tenant: Tenant) -> Service:
    """A service in which something of everything has happened."""
    ada = tenant.user(email="ada@example.com")
    workspace = tenant.workspace(ada)
    service.fold()
    for _ in range(2):
        service.send("GET", f"/users/{ada.id}")
        service.send("GET", f"/workspaces/{workspace}/members")
    service.send("GET", f"/nothing/at/{ada.id}")
    service.send("GET", f"/users/{ada.id}", by=None)
    service.send("POST", f"/users/{ada.id}/activate", by=tenant.admin)
    service.container.rebuilder.start("users")
    return service


def test_prometheus_own_linter_finds_nothing_to_say(busy: Service) -> None:
    command = [program("promtool"), "check", "metrics"]
    checked = subprocess.run(command, input=text(busy), capture_output=True, text=True)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_every_metric_is_explained_and_no_label_grows_with_what_is_in_the_service(busy: Service) -> None:
    for family in families(busy).values():
        assert family.documentation, family.name
        assert family.type != "unknown", family.name
        for sample in family.samples:
            assert set(sample.labels) <= LABELS, sample
            assert not [each for each in sample.labels.values() if UUID.search(each) or "@" in each], sample


def test_the_numbers_are_those_of_what_happened(busy: Service) -> None:
    assert value(busy, "cqrs_command_duration_seconds_count", command="RegisterUser", outcome="done") == 1
    assert value(busy, "cqrs_command_duration_seconds_count", command="ActivateUser", outcome="refused") == 1
    assert value(busy, "cqrs_query_duration_seconds_count", query="user", source="database") == 1
    assert value(busy, "cqrs_query_duration_seconds_bucket", query="user", source="database", le="+Inf") == 1
    profile = {"method": "GET", "route": "/api/v1/users/{user_id}"}
    assert value(busy, "cqrs_http_request_duration_seconds_count", **profile, status="2xx") == 2
    assert value(busy, "cqrs_http_request_duration_seconds_count", **profile, status="4xx") == 1
    assert value(busy, "cqrs_http_request_duration_seconds_count", method="-", route="-", status="4xx") == 1
    assert value(busy, "cqrs_tokens_refused_total", reason="absent") == 1
    assert value(busy, "cqrs_events_appended_total") == value(busy, "cqrs_projection_position", projection="users")
    assert value(busy, "cqrs_projection_events_total", projection="users") == value(busy, "cqrs_events_appended_total")
    assert value(busy, "cqrs_projection_lag_events", projection="users") == 0
    assert value(busy, "cqrs_rebuild_running", projection="users") == 1
    assert value(busy, "cqrs_rebuild_progress_ratio", projection="users") == 0
    assert (value(busy, "cqrs_workers_alive"), value(busy, "cqrs_clock_leader")) == (0, 0)
    assert (value(busy, "cqrs_database_pool_connections", pool="write", state="open") or 0) >= 1
    for database in ("write", "read", "query"):
        assert (value(busy, "cqrs_database_size_bytes", database=database) or 0) > 1_000_000
    assert (value(busy, "cqrs_process_resident_memory_bytes", kind="other") or 0) > 1_000_000
    assert value(busy, "cqrs_broker_messages", queue="projections", state="waiting") == 0
    assert value(busy, "cqrs_broker_waiting_shards") == 0


def test_the_improvement_is_the_mean_of_loads_by_that_of_cached_answers(service: Service) -> None:
    counters = service.container.counters
    counters.count("load", "user", "load", 4)
    counters.count("load", "user", "load_us", 4 * 10_000)
    counters.observe("query", "user/l1", 0.0005, n=3)
    counters.observe("query", "user/l2", 0.0025, n=1)
    counters.observe("query", "user/load", 9.0, n=4)

    assert value(service, "cqrs_query_improvement_ratio", query="user") == pytest.approx(10.0)


def test_what_failed_is_counted_from_nought_so_that_a_first_time_is_seen(service: Service) -> None:
    for outcome in ("parked", "dead", "paused"):
        assert value(service, "cqrs_projection_failures_total", projection="users", outcome=outcome) == 0
    assert value(service, "cqrs_database_errors_total", pool="write", error="disk_full") == 0
    assert value(service, "cqrs_tokens_refused_total", reason="unknown_key") == 0
    service.container.counters.count("limits", "all", "failed", 3)
    assert value(service, "cqrs_rate_limits_failed_exchanges_total") == 3


def test_a_full_disk_is_seen_by_whoever_looks(service: Service, make: Make, tenant: Tenant, database_url: str) -> None:
    # Given a PostgreSQL that can't write, as it says so itself
    execute(
        database_url,
        "CREATE FUNCTION write_schema.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$",
    )
    execute(
        database_url,
        "CREATE TRIGGER full_disk BEFORE INSERT ON write_schema.domain_events EXECUTE FUNCTION write_schema.full()",
    )
    other = make()

    refused = service.send("PATCH", f"/tenants/{tenant.id}", {"name": "New"})
    service.container.telemetry.tell()

    assert refused.status_code == 503
    assert (value(other, "cqrs_database_errors_total", pool="write", error="disk_full") or 0) >= 1
    assert (value(other, "cqrs_troubles", trouble="disk_full") or 0) >= 1
    health = other.app.test_client().get("/health/cqrs")
    assert health.status_code == 503
    assert "PostgreSQL's disk is full" in health.json["reasons"][0]


def test_tokens_of_a_key_that_is_not_known_are_seen_in_words(make: Make, tenant: Tenant) -> None:
    service, stranger = make(), make(jwt_secret="another-secret-of-more-than-thirty-two-bytes")
    token = {"Authorization": f"Bearer {stranger.token(tenant.admin)}"}

    for _ in range(5):
        assert service.send("GET", "/users/profile", by=None, headers=token).status_code == 401

    assert value(service, "cqrs_tokens_refused_total", reason="unknown_key") == 5
    reasons = service.app.test_client().get("/health/cqrs").json["reasons"]
    assert any("5 tokens were refused" in reason for reason in reasons)


def test_keys_that_can_t_be_fetched_make_the_service_unhealthy(make: Make, tenant: Tenant) -> None:
    # Given an identity provider that does not answer
    service = make(jwt_secret=None, jwt_jwks_url="http://127.0.0.1:9/jwks")
    token = jwt.encode({"sub": tenant.admin.id}, "of-thirty-two-bytes-or-more-than-that", headers={"kid": "one"})

    # When somebody comes with a token
    refused = service.send("GET", "/users/profile", by=None, headers={"Authorization": f"Bearer {token}"})

    # Then whoever looks is told why nobody is let in
    assert refused.status_code == 503
    assert value(service, "cqrs_troubles", trouble="keys_unavailable") == 1
    health = service.app.test_client().get("/health/cqrs")
    assert (health.status_code, health.json["status"]) == (503, "unhealthy")
    assert any("JWT_JWKS_URL" in reason for reason in health.json["reasons"])


def test_answers_that_no_key_opens_are_seen_in_words(make: Make, tenant: Tenant, redis_url: str) -> None:
    before, after = make(cache_encryption_keys={"1": b"1" * 32}), make(cache_encryption_keys={"2": b"2" * 32})
    users = [tenant.user("pending") for _ in range(10)]
    before.fold()
    for service in (before, after):
        for user in users:
            assert service.send("GET", f"/users/{user.id}").status_code == 200

    assert value(after, "cqrs_cache_events_total", level="l2", query="user", event="unreadable") == 10
    reasons = after.app.test_client().get("/health/cqrs").json["reasons"]
    assert any("CACHE_ENCRYPTION_KEYS" in reason for reason in reasons)


def test_what_redis_says_of_itself(service: Service, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        used = client.info("memory")["used_memory"]

    for server in ("cache", "broker"):
        assert (value(service, "cqrs_redis_used_bytes", server=server) or 0) > used / 2
        assert value(service, "cqrs_redis_evicted_keys_total", server=server) == 0


def test_shards_that_wait_for_a_worker(service: Service, redis_url: str) -> None:
    hints = HintSender(redis_url)
    for shard in (1, 2, 3, 3):
        hints.send(shard)
    hints.close()

    assert value(service, "cqrs_broker_messages", queue="projections", state="waiting") == 1
    assert value(service, "cqrs_broker_waiting_shards") == 2
