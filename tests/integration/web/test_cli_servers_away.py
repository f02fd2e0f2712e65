"""What the commands about the cache and the traffic say, and how they end, where one of the two servers is away."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from domain.bootstrap import Container
from tests.integration.web.service import Service
from tests.integration.web.test_cli import flask
from web.app import create_app
from web.cli.answers import UNREACHABLE

NOWHERE = "redis://127.0.0.1:1"


@pytest.fixture
def without_redis(wired: Callable[..., Container]) -> Service:
    return Service(create_app(container=wired(redis_url=NOWHERE, cache_redis_url=NOWHERE)))


@pytest.fixture
def without_postgres(wired: Callable[..., Container]) -> Service:
    urls = ("database_url", "read_database_url", "read_replica_url")
    return Service(create_app(container=wired(**dict.fromkeys(urls, "postgresql://me:swordfish@127.0.0.1:1/x"))))


def test_the_caches_statistics_are_those_of_no_more_than_this_process(without_redis: Service) -> None:
    code, table = flask(without_redis, "cache", "stats")

    assert code == UNREACHABLE
    assert table.endswith("Redis does not answer\n")
    code, text = flask(without_redis, "cache", "stats", "--json")
    assert (code, json.loads(text)["redis"]) == (UNREACHABLE, None)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_the_clock_is_not_blamed_for_traffic_that_cannot_be_read(without_redis: Service, form: tuple[str, ...]) -> None:
    code, output = flask(without_redis, "traffic", *form)

    assert (code, output) == (UNREACHABLE, "Error: Redis can't be used: it does not answer\n")


def test_a_warm_up_that_fails_for_postgresql_says_so(without_postgres: Service) -> None:
    code, output = flask(without_postgres, "cache", "warmup")

    assert code == UNREACHABLE
    assert "failed: 0 of 0 answers loaded" in output
    last = output.splitlines()[-1]
    assert last.startswith("Error: ")
    assert "PostgreSQL" in last or "database" in last
    assert "swordfish" not in output


@pytest.mark.parametrize("named", [(), ("--tag", "users", "--class", "user")])
def test_an_invalidation_of_nothing_or_of_two_things_is_a_wrong_use(service: Service, named: tuple[str, ...]) -> None:
    code, output = flask(service, "cache", "invalidate", *named)

    assert code == 2
    assert output.startswith("Usage: ")
    assert "--tag" in output.splitlines()[-1]
