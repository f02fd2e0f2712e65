"""The doctor finds what is wrong with Redis, with the keys, and with the edge."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable

import redis

from domain.bootstrap import Container
from tests.integration.web.findings import failing, wrong
from tests.integration.web.service import Service, Tenant
from tests.key_server import PRIVATE, serving
from web.doctor import caches, environment, tokens
from workers.launcher.valkey import EmbeddedValkey

KEY, OTHER = b"k" * 32, b"o" * 32


def test_a_redis_that_is_set_up_for_something_else_is_found(
    wired: Callable[..., Container], redis_server: EmbeddedValkey
) -> None:
    both = wired(redis_url=redis_server.url, cache_redis_url=redis_server.url)
    apart = wired(cache_redis_url=redis_server.url)
    with redis.Redis.from_url(redis_server.url) as client:
        assert [line for line in wrong(caches.servers(both)) if "no maxmemory" in line] != []

        client.config_set("maxmemory-policy", "allkeys-lru")
        assert "it may throw hints and marks away" in failing(caches.servers(both))
        client.config_set("maxmemory", "100mb")
        assert wrong(caches.servers(apart)) == []

        client.config_set("maxmemory-policy", "noeviction")
        assert [line for line in wrong(caches.servers(apart)) if "nothing more is cached" in line] != []
        client.config_set("maxmemory", client.info("memory")["used_memory"])
        assert "it is full, and refuses hints too" in failing(caches.servers(both))
        client.config_set("maxmemory", 0)

        client.replicaof("127.0.0.1", 1)
        assert "which can't be written to" in failing(caches.servers(both))
        client.replicaof("NO", "ONE")

        shutil.rmtree(redis_server.directory / "data")
        client.bgsave()
        deadline = time.monotonic() + 10
        while client.info("persistence")["rdb_last_bgsave_status"] == "ok" and time.monotonic() < deadline:
            time.sleep(0.02)
        assert "it can't write its data to its disk" in failing(caches.servers(both))
        (redis_server.directory / "data").mkdir()


def test_answers_that_the_keys_do_not_open_are_counted(
    service: Service, tenant: Tenant, wired: Callable[..., Container]
) -> None:
    first, then = ({id: key} for id, key in (("1", KEY), ("2", OTHER)))
    writer = wired(cache_encryption_keys=first)
    service.fold()
    assert [each.verdict for each in caches.encryption(writer)] == ["unknown"]
    writer.caching.queries.get("tenant_summary", tenant.id, {})

    assert [each.found for each in caches.encryption(writer)] == ["1 cached answers were opened with the keys 1"]
    assert [each.verdict for each in caches.encryption(wired(cache_encryption_keys=then | first))] == ["ok"]
    for keys in (then, {"1": OTHER}, {}):
        (found,) = caches.encryption(wired(cache_encryption_keys=keys))
        assert found.verdict == "warn"
        assert found.found.startswith("1 of 1 cached answers can't be opened")


def test_keys_that_can_not_be_fetched_are_found(wired: Callable[..., Container]) -> None:
    with serving() as server:
        fetching = wired(jwt_secret=None, jwt_jwks_url=server.url, jwt_issuer="me")
        server.publish(PRIVATE)
        found = {each.check: each for each in tokens.tokens(fetching)}
        assert found["tokens"].found == "JWT_JWKS_URL gives keys: 1 for ES256, 1 for EdDSA, 1 for RS256"
        assert found["JWT_AUDIENCE"].verdict == "warn"
        assert "JWT_ISSUER" not in found

        server.publish({})
        assert "every request is 503" in failing(tokens.tokens(fetching))
        server.status = 500
        assert "ValueError: status 500" in failing(tokens.tokens(fetching))


def test_an_edge_that_does_not_answer_is_found(wired: Callable[..., Container]) -> None:
    assert "EDGE_PURGE_URL does not answer" in failing(
        environment.edge(wired(edge_cache=True, edge_purge_url="http://127.0.0.1:1/"))
    )
