"""The broker's Redis and the cache's: there, new enough, and set up for what they do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import redis

from domain import redis_servers
from domain.bootstrap import Container
from domain.cache import scripts
from domain.cache.client import connect
from domain.cache.envelope import Envelope
from domain.cache.sampling import sampled
from web.doctor.finding import Finding, fail, ok, unknown, warn
from web.doctor.places import is_near

#: The oldest broker that the service was run on. The cache says itself what it needs.
OLDEST = (6, 2)

#: Seconds for each answer.
_PATIENCE = 3.0


def servers(container: Container) -> Iterator[Finding]:
    """The two, or the one that is both."""
    broker, cache = container.settings.redis_url, container.settings.cache_redis_url
    if broker == cache:
        yield from _server("redis (broker and cache)", broker, broker=True, cache=True)
    else:
        yield from _server("redis (broker)", broker, broker=True)
        yield from _server("redis (cache)", cache, cache=True)


def encryption(container: Container) -> Iterator[Finding]:
    """Whether the answers that are cached can be opened with CACHE_ENCRYPTION_KEYS."""
    keys = container.settings.cache_encryption_keys
    with connect(container.settings.cache_redis_url, _PATIENCE) as client:
        found = sampled(client, Envelope(keys))
    how = f"with the keys {', '.join(keys)}" if keys else "without keys"
    if found.unreadable:
        yield warn(
            "cache encryption",
            f"{found.unreadable} of {found.entries} cached answers can't be opened {how}",
            "They count as misses. Give all processes the same CACHE_ENCRYPTION_KEYS, and keep an old key in the list "
            "for half an hour after a new one was put before it.",
        )
    elif found.entries:
        yield ok("cache encryption", f"{found.entries} cached answers were opened {how}")
    else:
        yield unknown("cache encryption", "nothing is cached yet that could be opened")


def _server(check: str, url: str, *, broker: bool = False, cache: bool = False) -> Iterator[Finding]:
    try:
        with connect(url, _PATIENCE) as client:
            info: Any = client.info("all")
    except redis.RedisError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            yield fail(
                check,
                f"{_place(url)} has a certificate that nobody known has signed",
                "Put ?ssl_ca_certs=… behind its URL, or set REDIS_TLS_VERIFY=off where a platform signs it itself.",
            )
            return
        yield fail(
            check,
            f"{_place(url)} does not answer: {type(error).__name__}",
            "Start it, or set its URL right. Until then the clock folds what commands store, a second behind."
            if broker
            else "Start it, or set CACHE_REDIS_URL right. Until then the database answers everything.",
        )
        return
    yield _reached(check, url)
    yield _version(check, info, (scripts.FIRST_VERSION,) if cache else OLDEST)
    if broker:
        yield _policy_of_broker(check, info, cache)
    if cache:
        yield _memory(check, info, alone=not broker)
    yield _persistence(check, info)


def _reached(check: str, url: str) -> Finding:
    if urlsplit(url).scheme.startswith("rediss"):
        unverified = "ssl_cert_reqs=none" in urlsplit(url).query
        return ok(check, f"{_place(url)}, TLS{', whatever certificate it shows' if unverified else ''}")
    if all(is_near(host) for host, _ in _hosts(url)):
        return ok(check, f"{_place(url)}, on this machine")
    return warn(check, f"{_place(url)}, without TLS", "Use a rediss:// URL, or a network of your own.")


def _version(check: str, info: dict[str, Any], oldest: tuple[int, ...]) -> Finding:
    name = "Valkey" if "valkey_version" in info else "Redis"
    version = str(info.get("valkey_version") or info.get("redis_version", ""))
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if numbers < oldest:
        return fail(check, f"{name} {version}", f"Use {'.'.join(map(str, oldest))} or newer.")
    return ok(check, f"{name} {version}")


def _policy_of_broker(check: str, info: dict[str, Any], shared: bool) -> Finding:
    policy = info.get("maxmemory_policy")
    if policy != "noeviction":
        return fail(
            check,
            f"maxmemory-policy is {policy}: it may throw hints and marks away",
            "Set maxmemory-policy noeviction"
            + (", or give the cache a server of its own in CACHE_REDIS_URL." if shared else "."),
        )
    return ok(check, "maxmemory-policy noeviction")


def _memory(check: str, info: dict[str, Any], alone: bool) -> Finding:
    used, most, policy = info.get("used_memory", 0), info.get("maxmemory", 0), info.get("maxmemory_policy")
    told = f"{used:,} bytes used, maxmemory {most:,}, {policy}"
    if not most:
        return warn(check, f"{used:,} bytes used, no maxmemory: the cache may take all there is", "Set maxmemory.")
    if alone and policy == "noeviction":
        return warn(
            check, f"{told}: when it is full nothing more is cached", "Set maxmemory-policy allkeys-lru on this server."
        )
    if not alone and used > 0.9 * most:
        return fail(
            check,
            f"{told}: it is full, and refuses hints too",
            "Give it more memory, or the cache a server of its own in CACHE_REDIS_URL.",
        )
    return ok(check, told)


def _persistence(check: str, info: dict[str, Any]) -> Finding:
    """Nothing in it has to outlive it, but a server that can't save may refuse to be written to."""
    if info.get("rdb_last_bgsave_status", "ok") != "ok" or info.get("aof_last_write_status", "ok") != "ok":
        return fail(
            check,
            "it can't write its data to its disk, and refuses commands while that is so",
            "Look at its disk and its log. Nothing in it has to be kept: save '' and appendonly no are enough.",
        )
    if info.get("role") == "slave":
        return fail(check, "it is a replica, which can't be written to", "Name the primary, or the sentinels.")
    kept = "kept by append-only file" if info.get("aof_enabled") else "kept by snapshots or not at all"
    return ok(check, f"writable; {kept}, and nothing in it has to be")


def _hosts(url: str) -> list[tuple[str | None, int]]:
    """Return the servers that *url* names: for Sentinels and clusters those that are asked where the others are."""
    servers = redis_servers.read(url)
    if servers.kind != "server":
        return list(servers.hosts)
    parts = urlsplit(url)
    return [(parts.hostname, parts.port or 6379)]


def _place(url: str) -> str:
    servers, parts = redis_servers.read(url), urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    named = ", ".join(f"{host}:{port}" for host, port in _hosts(url))
    return {
        "server": named,
        "sentinel": f"the master {servers.name}, as the Sentinels at {named} say",
        "cluster": f"one node, with the state, of the cluster of {named}",
    }[servers.kind]
