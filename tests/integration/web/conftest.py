"""The application on real servers, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from domain.bootstrap import Container, bootstrap
from domain.settings import Settings
from tests.integration.web.service import Make, Service, Tenant
from web.app import create_app

SECRET = "a-secret-of-more-than-thirty-two-bytes"


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    return Settings.from_environment({"DATABASE_URL": database_url, "REDIS_URL": redis_url, "JWT_SECRET": SECRET})


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    container = bootstrap(settings)
    yield create_app(container=container)
    container.close()


@pytest.fixture
def service(app: Flask) -> Service:
    return Service(app)


@pytest.fixture
def tenant(service: Service) -> Tenant:
    return service.tenant()


@pytest.fixture
def container(settings: Settings) -> Iterator[Container]:
    container = bootstrap(settings)
    yield container
    container.close()


@pytest.fixture
def wired(settings: Settings) -> Iterator[Callable[..., Container]]:
    """Wires the service with changed settings."""
    made: list[Container] = []

    def wired(**changes: Any) -> Container:
        made.append(bootstrap(replace(settings, **changes)))
        return made[-1]

    yield wired
    for each in made:
        each.close()


@pytest.fixture
def make(wired: Callable[..., Container]) -> Make:
    """Makes services with changed settings on the same servers, as further processes would be."""

    def make(**changes: Any) -> Service:
        return Service(create_app(container=wired(**changes)))

    return make
