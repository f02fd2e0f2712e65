"""All settings of the service, read from the environment once."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from domain import redis_servers, variables
from domain.variables import Rate, Strategies, Variables

CacheStrategy = Literal["read-through", "write-through", "cache-aside"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["json", "console"]


class SettingsError(Exception):
    """The settings are not usable. ``faults`` holds one line for each that is wrong."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings, each named after its variable. What holds a secret is left out of ``repr``."""

    port: int
    web_concurrency: int
    #: Whether each web process keeps to a processor of its own.
    web_cpu_affinity: bool
    database_url: str = field(repr=False)
    read_database_url: str = field(repr=False)
    read_replica_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    cache_redis_url: str = field(repr=False)
    jwt_secret: str | None = field(repr=False)
    jwt_jwks_url: str | None = field(repr=False)
    jwt_issuer: str | None
    jwt_audience: str | None
    metrics_token: str | None = field(repr=False)
    #: Origins whose pages may call the service; ``*`` for any. Empty: none.
    cors_origins: frozenset[str]
    #: None: no limit.
    rate_limit_per_principal: Rate | None
    rate_limit_per_address: Rate | None
    #: Queries of one process that wait for their Min-Position at a time: fewer than its threads.
    position_waits: int
    #: Proxies in front of us, each of which has added an address to X-Forwarded-For.
    trusted_proxies: int
    #: Key id → 32 bytes of key; the first is the one that new entries are encrypted with. Empty: no encryption.
    cache_encryption_keys: Mapping[str, bytes] = field(repr=False)
    cache_compress_min_bytes: int
    l1_max_bytes: int
    cache_strategy: CacheStrategy
    #: Seconds between two warm-ups, how many answers each loads at most, and how many in a second.
    cache_warmup_interval: int
    cache_warmup_keys: int
    cache_warmup_rate: int
    edge_cache: bool
    edge_purge_url: str | None = field(repr=False)
    #: Seconds for which the edge keeps an answer that nothing has purged.
    edge_max_age: int
    projection_batch_size: int
    projection_strategy: Strategies
    #: Seconds between two ticks that fold the projections of strategy batch.
    projection_batch_interval: int
    projection_max_attempts: int
    #: So many aggregates that fail alike within a minute pause their projection instead of being parked.
    projection_pause_threshold: int
    #: Seconds before the second attempt at a parked aggregate; each later pause is twice as long.
    projection_retry_seconds: int
    #: Whether spans are sent to an OpenTelemetry collector, whose address the OTEL_ variables name.
    tracing: bool
    log_level: LogLevel
    log_format: LogFormat

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read *environ* (default: the process's own). Raises SettingsError naming every fault at once."""
        read = Variables(os.environ if environ is None else environ)
        database_url = read.postgres("DATABASE_URL")
        read_url = read.postgres("READ_DATABASE_URL", database_url)
        verify = read.switch("REDIS_TLS_VERIFY", "on")
        redis_url = read.redis("REDIS_URL", verify)
        settings = cls(
            port=read.whole("PORT", 8000, 1, 65535),
            web_concurrency=read.whole("WEB_CONCURRENCY", 2, 1, 256),
            web_cpu_affinity=read.switch("WEB_CPU_AFFINITY"),
            database_url=database_url,
            read_database_url=read_url,
            read_replica_url=read.postgres("READ_REPLICA_URL", read_url),
            redis_url=redis_url,
            cache_redis_url=read.redis("CACHE_REDIS_URL", verify, redis_url),
            jwt_secret=read.optional("JWT_SECRET", variables.jwt_secret),
            jwt_jwks_url=read.optional("JWT_JWKS_URL", variables.web_url),
            jwt_issuer=read.optional("JWT_ISSUER", str),
            jwt_audience=read.optional("JWT_AUDIENCE", str),
            metrics_token=read.optional("METRICS_TOKEN", variables.header_token),
            cors_origins=read.optional("CORS_ORIGINS", variables.origins) or frozenset(),
            rate_limit_per_principal=read.rate("RATE_LIMIT_PER_PRINCIPAL", Rate(600_000, 60)),
            rate_limit_per_address=read.rate("RATE_LIMIT_PER_ADDRESS", Rate(1_200_000, 60)),
            position_waits=read.whole("POSITION_WAITS", 6, 1, 1000),
            trusted_proxies=read.whole("TRUSTED_PROXIES", 0, 0, 10),
            cache_encryption_keys=read.optional("CACHE_ENCRYPTION_KEYS", variables.encryption_keys) or {},
            cache_compress_min_bytes=read.whole("CACHE_COMPRESS_MIN_BYTES", 1024, 0, 2**30),
            l1_max_bytes=read.whole("L1_MAX_BYTES", 64 * 2**20, 0, 2**40),
            cache_strategy=read.choice("CACHE_STRATEGY", "read-through", get_args(CacheStrategy)),
            cache_warmup_interval=read.whole("CACHE_WARMUP_INTERVAL", 300, 5, 86_400),
            cache_warmup_keys=read.whole("CACHE_WARMUP_KEYS", 500, 1, 10_000),
            cache_warmup_rate=read.whole("CACHE_WARMUP_RATE", 50, 1, 10_000),
            edge_cache=read.switch("EDGE_CACHE"),
            edge_purge_url=read.optional("EDGE_PURGE_URL", variables.web_url),
            edge_max_age=read.whole("EDGE_MAX_AGE", 60, 1, 3600),
            projection_batch_size=read.whole("PROJECTION_BATCH_SIZE", 100, 1, 10_000),
            projection_strategy=read.optional("PROJECTION_STRATEGY", variables.strategies) or Strategies(),
            projection_batch_interval=read.whole("PROJECTION_BATCH_INTERVAL", 60, 1, 86_400),
            projection_max_attempts=read.whole("PROJECTION_MAX_ATTEMPTS", 5, 1, 100),
            projection_pause_threshold=read.whole("PROJECTION_PAUSE_THRESHOLD", 20, 2, 100_000),
            projection_retry_seconds=read.whole("PROJECTION_RETRY_SECONDS", 5, 1, 3600),
            tracing=read.tracing(),
            log_level=read.choice("LOG_LEVEL", "info", get_args(LogLevel)),
            log_format=read.choice("LOG_FORMAT", "console" if sys.stdout.isatty() else "json", get_args(LogFormat)),
        )
        given = settings.jwt_secret or settings.jwt_jwks_url
        if not given and not read.faulty("JWT_SECRET", "JWT_JWKS_URL"):
            read.faults.append("JWT_SECRET or JWT_JWKS_URL is required: without one of them no request can be verified")
        if settings.jwt_secret is not None and settings.jwt_jwks_url is not None:
            read.faults.append("JWT_SECRET and JWT_JWKS_URL are both set: choose one")
        if read.faults:
            raise SettingsError(read.faults)
        return settings


def broker_url(environ: Mapping[str, str]) -> str | None:
    """Return what Settings will call ``redis_url``, for who needs it before; None where Settings will find none."""
    url = environ.get("REDIS_URL", "").strip()
    try:
        variables.broker_url(url)
    except ValueError:
        return None
    if environ.get("REDIS_TLS_VERIFY", "").strip().lower() != "off":
        return url
    return redis_servers.unverified(url)
