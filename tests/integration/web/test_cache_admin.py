"""Looking after the cache over HTTP and on the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from domain.cache.keys import KINDS
from tests.integration.web.cached import level, wait_for_l1
from tests.integration.web.service import ROOT, Service, Tenant, problem

STATS = "/admin/cqrs/cache/stats"
INVALIDATE = "/admin/cqrs/cache/invalidate"
WARMUP = "/admin/cqrs/cache/warmup"


@pytest.fixture
def ada(tenant: Tenant) -> str:
    return tenant.user().id


def warm(service: Service, *paths: str) -> None:
    """Have the answers at *paths* in this process's memory."""
    service.fold()
    for path in paths:
        wait_for_l1(service, path)


def test_the_counters_say_what_happened(service: Service, tenant: Tenant, ada: str) -> None:
    before = service.done("GET", STATS)["counters"]
    warm(service, f"/users/{ada}")
    service.send("GET", f"/users/{ada}")

    found = service.done("GET", STATS)

    counters = found["counters"]
    assert counters["l1"]["user"]["hit"] >= 2 + before.get("l1", {}).get("user", {}).get("hit", 0)
    assert counters["l2"]["user"]["miss"] >= 1
    assert counters["load"]["user"]["load_us"] > 0
    assert counters["l2"]["user"]["bytes"] > 0
    assert 0 < found["hit_ratios"]["user"] < 1
    (process,) = found["processes"].values()
    assert process["breaker"]["state"] == "closed"
    assert process["stream"]["lag"] < 2
    assert process["l1"]["bytes"] > 0
    assert process["pools"]["query_pool"]["open"] >= 1
    assert found["redis"]["used_memory"] > 0


@pytest.mark.parametrize(
    "named",
    [
        {"tenant_id": "{tenant}"},
        {"tenant_id": "{tenant}", "tags": ["user:{ada}"]},
        {"tags": ["user:{ada}"]},
        {"key": "user:{ada}:tenant:{tenant}:v:1"},
        {"class": "user"},
        {"class": "user", "tenant_id": "{tenant}"},
        {"pattern": "user:{ada}:*"},
        {"pattern": "user:*"},
        {"pattern": "*"},
    ],
    ids=json.dumps,
)
def test_what_is_named_is_not_answered_any_more(
    service: Service, tenant: Tenant, ada: str, named: dict[str, Any]
) -> None:
    path = f"/users/{ada}"
    warm(service, path)
    body = json.loads(json.dumps(named).replace("{tenant}", tenant.id).replace("{ada}", ada))

    service.done("POST", INVALIDATE, body)

    assert level(service, path) == "database"


def test_what_is_not_named_stays(service: Service, tenant: Tenant, ada: str) -> None:
    grace = tenant.user().id
    other = service.tenant()
    paths = [f"/users/{grace}", f"/tenants/{tenant.id}/summary", f"/tenants/{other.id}/summary"]
    warm(service, *paths)

    service.done("POST", INVALIDATE, {"tenant_id": tenant.id, "tags": [f"user:{ada}"]})

    assert [level(service, path) != "database" for path in paths] == [True, True, True]


def test_the_lists_of_one_tenant_are_a_class(service: Service, tenant: Tenant, ada: str) -> None:
    other = service.tenant()
    other.user()
    paths = [f"/users/tenant/{tenant.id}?limit=3", f"/users/tenant/{other.id}?limit=3", f"/users/{ada}"]
    warm(service, *paths)

    service.done("POST", INVALIDATE, {"tenant_id": tenant.id, "class": "users_of_tenant"})

    assert [level(service, path) == "database" for path in paths] == [True, False, False]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "tenant_id"),
        ({"class": "nonsense"}, "class"),
        ({"pattern": "user:*:tenant:*"}, "pattern"),
        ({"pattern": "nonsense:*"}, "pattern"),
        ({"key": "user:*"}, "key"),
        ({"tags": ["nonsense"]}, "tags"),
        ({"class": "user", "pattern": "user:*"}, "pattern"),
        ({"tags": ["users"], "key": "x"}, "key"),
    ],
    ids=json.dumps,
)
def test_what_names_nothing_is_refused(service: Service, body: dict[str, Any], field: str) -> None:
    assert list(problem(service.send("POST", INVALIDATE, body), 422, problem_code(field))["errors"]) == [field]


def problem_code(field: str) -> str:
    return "validation_failed" if field == "class" else "invalid"


def test_keys_are_neither_listed_nor_searched_for(service: Service, redis_url: str, tenant: Tenant) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.config_resetstat()
        for body in ({"pattern": "user:*"}, {"pattern": "*"}, {"class": "dashboard"}, {"tenant_id": tenant.id}):
            service.done("POST", INVALIDATE, body)
        called = client.info("commandstats")

    assert not {"cmdstat_keys", "cmdstat_scan"} & called.keys()


@pytest.mark.parametrize(("method", "path"), [("GET", STATS), ("POST", INVALIDATE), ("POST", WARMUP)])
def test_only_those_who_run_the_service_may(service: Service, tenant: Tenant, method: str, path: str) -> None:
    problem(service.send(method, path, by=tenant.admin), 403, "forbidden")


def test_the_command_line_says_and_does_the_same(service: Service, tenant: Tenant, ada: str) -> None:
    warm(service, f"/users/{ada}")
    runner = service.app.test_cli_runner()

    table = runner.invoke(args=["cache", "stats"])
    assert table.exit_code == 0, table.output
    assert {"query", "user"} <= {line.split()[0] for line in table.stdout.splitlines() if line.strip()}
    stats = json.loads(runner.invoke(args=["cache", "stats", "--json"]).stdout)
    assert stats["counters"]["l1"]["user"]["hit"] >= 1

    cleared = runner.invoke(args=["cache", "invalidate", "--tenant", tenant.id])
    assert cleared.exit_code == 0, cleared.output
    assert level(service, f"/users/{ada}") == "database"
    refused = runner.invoke(args=["cache", "invalidate", "--pattern", "nonsense*"])
    assert refused.exit_code == 1
    assert "no key begins like this" in refused.stderr

    warmed = runner.invoke(args=["cache", "warmup", "--tenant", tenant.id, "--json"])
    assert json.loads(warmed.stdout)["state"] == "done"


def test_the_command_line_takes_a_tenants_id_or_its_slug(service: Service, tenant: Tenant, ada: str) -> None:
    runner = service.app.test_cli_runner()

    for named in (tenant.slug, tenant.id.upper()):
        warm(service, f"/users/{ada}")
        assert runner.invoke(args=["cache", "invalidate", "--tenant", named]).exit_code == 0
        assert level(service, f"/users/{ada}") == "database"
        warmed = json.loads(runner.invoke(args=["cache", "warmup", "--tenant", named, "--json"]).stdout)
        assert (warmed["state"], warmed["tenant_id"], warmed["keys"] > 0) == ("done", tenant.id, True)

    for command, named in (("invalidate", "nobody"), ("invalidate", ""), ("warmup", "nobody"), ("warmup", "")):
        refused = runner.invoke(args=["cache", command, "--tenant", named])
        assert (refused.exit_code, refused.output) == (1, "Error: There is no such tenant.\n")


def test_every_class_can_be_named(service: Service, tenant: Tenant) -> None:
    for query in KINDS:
        assert service.done("POST", INVALIDATE, {"class": query, "tenant_id": tenant.id})["tags"] == [f"class:{query}"]


def metrics(service: Service, **headers: str) -> dict[tuple[str, str, str, str], float]:
    response = service.app.test_client().get("/metrics", headers=headers)
    assert response.status_code == 200
    assert response.content_type.startswith("text/plain; version=")
    found = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            labels = sample.labels
            key = (sample.name, labels.get("level", ""), labels.get("query", ""), labels.get("event", ""))
            found[key] = found.get(key, 0.0) + sample.value
    return found


def test_prometheus_reads_the_same_numbers(service: Service, ada: str) -> None:
    warm(service, f"/users/{ada}")

    found = metrics(service)

    counters = service.done("GET", STATS)["counters"]
    assert found["cqrs_cache_events_total", "l1", "user", "hit"] == counters["l1"]["user"]["hit"]
    assert found["cqrs_cache_load_seconds_total", "load", "user", ""] > 0
    assert found["cqrs_cache_l1_bytes", "", "", ""] > 0


def test_a_token_is_asked_for_where_one_is_set(service: Service) -> None:
    settings = service.container.settings
    service.container.settings = replace(settings, metrics_token="let-me-in")
    client = service.app.test_client()

    for header in (None, "Bearer nonsense", "Basic let-me-in", f"Bearer {service.token(ROOT)}"):
        response = client.get("/metrics", headers={} if header is None else {"Authorization": header})
        problem(response, 401, "unauthenticated")
    assert metrics(service, Authorization="Bearer let-me-in")
