"""The application on real servers, in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from domain.bootstrap import bootstrap
from domain.settings import Settings
from tests.integration.web.service import Service, Tenant
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
