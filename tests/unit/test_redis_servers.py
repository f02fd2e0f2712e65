"""What a Redis URL leads to."""

from __future__ import annotations

import pytest
from redis.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection

from domain import redis_servers
from domain.settings import Settings, SettingsError, broker_url


def test_a_url_of_one_server_is_taken_as_it_is() -> None:
    client = redis_servers.connect("redis://:secret@cache.example.com:6380/3", socket_timeout=0.5)

    kept = client.connection_pool.connection_kwargs
    assert (kept["host"], kept["port"], kept["db"], kept["socket_timeout"]) == ("cache.example.com", 6380, 3, 0.5)


def test_sentinels_are_asked_for_their_master() -> None:
    url = "redis+sentinel://app:secret@one:26380,two/directory/3?sentinel_password=other"

    client = redis_servers.connect(url, socket_timeout=0.5)

    pool = client.connection_pool
    assert pool.connection_class is SentinelManagedConnection
    assert pool.service_name == "directory"
    kept = pool.connection_kwargs
    assert (kept["username"], kept["password"], kept["db"], kept["socket_timeout"]) == ("app", "secret", 3, 0.5)
    asked = [each.connection_pool.connection_kwargs for each in pool.sentinel_manager.sentinels]
    assert [(each["host"], each["port"], each["password"], each["socket_timeout"]) for each in asked] == [
        ("one", 26380, "other", 0.5),
        ("two", 26379, "other", 0.5),
    ]


def test_sentinels_with_tls_are_asked_with_tls() -> None:
    client = redis_servers.connect("rediss+sentinel://one/directory?ssl_cert_reqs=none")

    pool = client.connection_pool
    assert pool.connection_class is SentinelManagedSSLConnection
    assert pool.connection_kwargs["ssl_cert_reqs"] == "none"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://one", "starts with redis://"),
        ("redis+sentinel://one:26379", "the name of the master"),
        ("redis+sentinel://one:x/directory", "addresses like host:26379"),
        ("redis+sentinel://,/directory", "addresses like host:26379"),
        ("redis+cluster://one/3", "no database but 0"),
        ("unix+sentinel://one/directory", "starts with redis://"),
    ],
)
def test_a_url_that_leads_nowhere_is_refused_without_being_repeated(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        redis_servers.read(url)

    assert url not in str(refused.value)


def test_the_broker_can_not_be_a_cluster_but_the_cache_can() -> None:
    environment = {"DATABASE_URL": "postgresql://h/d", "JWT_SECRET": "x" * 32}
    cluster = "redis+cluster://one,two,three"

    taken = Settings.from_environment({**environment, "REDIS_URL": "redis://one", "CACHE_REDIS_URL": cluster})

    assert taken.cache_redis_url == cluster
    with pytest.raises(SettingsError, match="REDIS_URL: the broker can't be a cluster"):
        Settings.from_environment({**environment, "REDIS_URL": cluster})


@pytest.mark.parametrize(
    ("url", "unverified"),
    [
        ("rediss://:secret@one:6380", "rediss://:secret@one:6380?ssl_cert_reqs=none"),
        ("rediss://one/3?health_check_interval=2", "rediss://one/3?health_check_interval=2&ssl_cert_reqs=none"),
        ("rediss+cluster://one,two", "rediss+cluster://one,two?ssl_cert_reqs=none"),
        ("rediss://one?ssl_cert_reqs=required", "rediss://one?ssl_cert_reqs=required"),
        ("redis://one", "redis://one"),
    ],
)
def test_certificates_are_verified_unless_the_settings_say_otherwise(url: str, unverified: str) -> None:
    required = {"DATABASE_URL": "postgresql://h/d", "JWT_SECRET": "x" * 32, "CACHE_REDIS_URL": url}
    broker = url.replace("+cluster", "+sentinel").replace("two", "two/directory")

    for said, kept in (({}, url), ({"REDIS_TLS_VERIFY": "on"}, url), ({"REDIS_TLS_VERIFY": "OFF"}, unverified)):
        environment = {**required, **said, "REDIS_URL": broker}
        settings = Settings.from_environment(environment)

        assert settings.cache_redis_url == kept
        # The broker is made before the settings are read.
        assert broker_url(environment) == settings.redis_url
    assert "ssl_cert_reqs=none" in settings.redis_url or url == unverified


def test_a_word_about_certificates_that_is_not_understood_is_one_fault() -> None:
    environment = {"DATABASE_URL": "postgresql://h/d", "JWT_SECRET": "x" * 32, "REDIS_URL": "rediss://one"}

    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({**environment, "REDIS_TLS_VERIFY": "perhaps"})

    assert refused.value.faults == ["REDIS_TLS_VERIFY: one of on, off is needed"]
