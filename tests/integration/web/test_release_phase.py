"""The doctor behind the migrations, before any process of the new release has started."""

from __future__ import annotations

import json

import pytest

from domain.settings import Settings
from tests.integration.read.poison import execute
from tests.integration.web.findings import failing
from tests.integration.web.service import Service, Tenant
from tests.integration.web.test_cli import flask
from tests.integration.web.test_doctor import ENVIRONMENT
from web.doctor import AT_RELEASE, examine


def environment(settings: Settings) -> dict[str, str]:
    return ENVIRONMENT | {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url}


def test_processes_that_start_only_after_it_are_not_asked_for(
    service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a database that was migrated a moment ago, no worker and no clock
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    # And the release before, in trouble that the new one may be there to end
    service.container.telemetry.troubles.happened("disk_full")
    service.container.telemetry.tell()

    code, output = flask(service, "doctor", "--release", "--json")

    # Then nothing fails, and all is looked at that has to be there by now
    found = {each["check"]: each["verdict"] for each in json.loads(output)["findings"]}
    assert (code, [check for check, verdict in found.items() if verdict == "fail"]) == (0, [])
    assert found.keys() >= {"migrations (write_schema)", "checkpoints", "redis (broker and cache)", "tokens"}
    assert found.keys() & {"workers", "clock", "projections", "troubles"} == set()


def test_read_models_of_another_log_fail_even_so(
    service: Service, tenant: Tenant, settings: Settings, database_url: str
) -> None:
    service.fold()
    execute(database_url, "UPDATE read_schema.projection_checkpoints SET position = 99 WHERE projection = 'users'")

    found = examine(environment(settings), checks=AT_RELEASE)

    assert "restored from an older backup" in failing(found)
