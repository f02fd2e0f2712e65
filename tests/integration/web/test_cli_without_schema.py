"""What the commands say where the migrations of this release have not run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from domain.bootstrap import bootstrap
from domain.settings import Settings
from tests.integration.read.poison import execute
from tests.integration.web.conftest import SECRET
from tests.integration.web.service import Service
from tests.integration.web.test_cli import flask
from web.app import create_app
from web.cli.answers import FAILED
from web.doctor import examine

LINE = "Error: The schema is not there, or older than this release. Run: python -m migrations upgrade\n"


@pytest.fixture
def environment(empty_database_url: str, redis_url: str) -> dict[str, str]:
    return {"DATABASE_URL": empty_database_url, "REDIS_URL": redis_url, "JWT_SECRET": SECRET}


@pytest.fixture
def unmigrated(environment: dict[str, str]) -> Iterator[Service]:
    container = bootstrap(Settings.from_environment(environment))
    yield Service(create_app(container=container))
    container.close()


@pytest.mark.parametrize(
    "arguments",
    [
        ("projections", "status"),
        ("projections", "verify"),
        ("projections", "verify", "--all"),
        ("projections", "start-over", "--yes"),
        ("projections", "rebuild", "users"),
        ("projections", "pause", "users", "--reason", "x"),
        ("tenants",),
        ("audit", "acme"),
        ("dead-letters", "list"),
        ("dead-letters", "list", "--skipped"),
        ("dead-letters", "retry", "--error-class", "KeyError"),
        ("cache", "invalidate", "--tag", "users"),
        ("restore-check",),
        ("load-sample", "--if-empty"),
        ("welcome",),
    ],
    ids=" ".join,
)
def test_a_schema_that_is_missing_is_one_line_with_what_to_type(unmigrated: Service, arguments: tuple[str, ...]):
    code, output = flask(unmigrated, *arguments)

    assert code == FAILED
    assert output.endswith(LINE)
    assert "UndefinedTable" not in output


def test_a_schema_of_an_older_release_is_one_line_too(service: Service, database_url: str):
    execute(database_url, "ALTER TABLE read_schema.skipped_events DROP COLUMN reason")

    assert flask(service, "dead-letters", "list", "--skipped") == (FAILED, LINE)


def test_the_doctor_says_of_each_thing_that_it_cannot_look_at_what_to_type(environment: dict[str, str]):
    found = [each for each in examine(environment) if each.verdict == "fail"]

    blind = [each for each in found if each.check == "projections"]
    assert [(each.found, each.advice) for each in blind] == [
        ("the schema is not there, or older than this release", "Run: python -m migrations upgrade")
    ]
    assert "Undefined" not in str(found)
