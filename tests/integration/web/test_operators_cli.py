"""What an operator sees and does on the command line, with tables for people, JSON for programs, and exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from flask import Flask

from domain.bootstrap import bootstrap
from domain.settings import Settings
from tests.integration.web.service import Service, Tenant
from tests.integration.web.test_cli import flask
from tests.integration.web.test_dead_letters import letter
from tests.integration.web.test_dead_letters_cli import Letter, answer
from web.admin.audit_schemas import AuditView
from web.admin.dead_letter_schemas import SkippedView
from web.app import create_app
from web.cli.answers import DEGRADED, FAILED, UNREACHABLE

__all__ = ["letter"]


def test_tenants_are_listed_with_what_they_have_the_largest_first(service: Service) -> None:
    small, large = service.tenant(plan="free"), service.tenant(plan="professional")
    owner = large.user()
    large.user(status="pending")
    large.workspace(owner)
    small.user()
    service.fold()

    heading, first, second = flask(service, "tenants")[1].splitlines()

    assert heading.split() == ["tenant", "slug", "plan", "name", "users", "active", "workspaces", "members", "shard"]
    assert first.split()[:3] == [large.id, large.slug, "professional"]
    assert first.split()[-5:-1] == ["2/100", "1", "1/50", "1"]
    assert second.split()[0] == small.id
    found = answer(service, "tenants", "--search", large.slug.upper())["tenants"]
    assert [(each["users"], each["quota_users"], each["members"]) for each in found] == [(2, 100, 1)]


def test_the_list_of_tenants_goes_on_from_its_cursor(service: Service) -> None:
    tenants = [service.tenant() for _ in range(3)]
    tenants[1].user()
    service.fold()

    found, cursor = [], []
    while True:
        page = answer(service, "tenants", "--limit", "1", *cursor)
        found += [each["tenant_id"] for each in page["tenants"]]
        if page["next_cursor"] is None:
            break
        assert f"--cursor {page['next_cursor']}" in flask(service, "tenants", "--limit", "1", *cursor)[1]
        cursor = ["--cursor", page["next_cursor"]]

    assert found[0] == tenants[1].id
    assert sorted(found) == sorted(tenant.id for tenant in tenants)


def test_a_tenants_audit_trail_is_shown_by_its_id_or_its_slug(service: Service, tenant: Tenant) -> None:
    ada = tenant.user(email="ada@example.com")
    service.fold()

    found = answer(service, "audit", tenant.id)
    table = flask(service, "audit", tenant.slug, "--aggregate", ada.id)[1]

    assert AuditView().validate(found) == {}
    assert [each["event_type"] for each in found["entries"]] == ["user.activated", "user.registered", "tenant.created"]
    assert len(table.splitlines()) == 3
    assert found["entries"][0]["correlation_id"] in table
    assert "ada@" not in table + json.dumps(found)
    assert flask(service, "audit", "nobody") == (FAILED, "Error: There is no such tenant.\n")


def test_what_was_skipped_is_listed_with_the_reason(service: Service, letter: Letter) -> None:
    assert flask(service, "dead-letters", "list", "--skipped") == (0, "Nothing was skipped.\n")
    flask(service, "dead-letters", "skip", letter["id"], "--reason", "A joke")

    heading, line = flask(service, "dead-letters", "list", "--skipped")[1].splitlines()

    assert heading.split()[:3] == ["skipped", "by", "projection"]
    assert line.endswith("A joke")
    assert SkippedView().validate(answer(service, "dead-letters", "list", "--skipped", "--projection", "users")) == {}
    assert flask(service, "dead-letters", "list", "--skipped", "--state", "dead")[0] == 2


def test_health_is_told_in_words_and_by_the_exit_code(service: Service) -> None:
    code, words = flask(service, "health")

    assert code == DEGRADED
    assert words.startswith("degraded:\n- no worker is alive\n  → Start one ")
    told = json.loads(flask(service, "health", "--json")[1])
    assert [each["words"] for each in told["reasons"]] == ["no worker is alive", "no clock is alive"]
    assert told["parts"]["redis"]["status"] == "up"


@pytest.fixture(scope="module")
def cut_off() -> Iterator[Flask]:
    """The application where neither PostgreSQL nor Redis answers."""
    environment = {
        "DATABASE_URL": "postgresql://me:swordfish@127.0.0.1:1/x",
        "REDIS_URL": "redis://:swordfish@127.0.0.1:1",
        "JWT_SECRET": "a-secret-of-more-than-thirty-two-bytes",
    }
    container = bootstrap(Settings.from_environment(environment))
    yield create_app(container=container)
    container.close()


def test_health_is_told_while_everything_is_down(cut_off: Flask) -> None:
    code, words = flask(Service(cut_off), "health")

    assert code == FAILED
    assert "- write_database does not answer\n" in words


@pytest.mark.parametrize(
    "arguments",
    [
        ("projections", "status"),
        ("projections", "verify"),
        ("projections", "rebuild", "users", "--watch"),
        ("projections", "pause", "users", "--reason", "x"),
        ("dead-letters", "list"),
        ("dead-letters", "list", "--skipped"),
        ("dead-letters", "retry", "--error-class", "KeyError"),
        ("tenants",),
        ("audit", "acme"),
        ("cache", "invalidate", "--tag", "users"),
        ("cache", "warmup"),
        ("load-sample", "--if-empty"),
        ("welcome",),
    ],
)
def test_a_server_that_does_not_answer_is_one_line_and_a_code_of_its_own(
    cut_off: Flask, arguments: tuple[str, ...]
) -> None:
    code, output = flask(Service(cut_off), *arguments)

    assert code == UNREACHABLE, output
    assert output.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in output
    assert "swordfish" not in output


@pytest.mark.parametrize(
    "arguments", [("token", "--role", "super_admin"), ("welcome",), ("cache", "stats"), ("health",)]
)
def test_what_is_printed_for_programs_is_json_and_nothing_else(service: Service, arguments: tuple[str, ...]) -> None:
    result = service.app.test_cli_runner().invoke(args=[*arguments, "--json"])

    assert json.loads(result.stdout)


def test_every_command_has_its_json(app: Flask) -> None:
    def commands(group: object, *path: str) -> Iterator[tuple[str, ...]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from commands(command, *path, name)
            elif not command.callback.__module__.startswith(("flask", "flask_smorest")):
                yield (*path, name), command

    found = dict(commands(app.cli))

    assert len(found) >= 20
    assert [
        path for path, command in found.items() if "--json" not in {o for p in command.params for o in p.opts}
    ] == []


def test_the_cache_is_warmed_up_with_its_progress(service: Service, tenant: Tenant) -> None:
    service.fold()

    code, output = flask(service, "cache", "warmup")

    assert code == 0, output
    assert output.splitlines()[-1].startswith("done: 4 of 4 answers loaded in ")
    assert answer(service, "cache", "warmup", "--tenant", tenant.id)["keys"] == 4
    assert "L1 answers" in flask(service, "cache", "stats")[1] or "Redis: " in flask(service, "cache", "stats")[1]


def test_the_last_hour_is_a_line_of_small_bars(service: Service, tenant: Tenant) -> None:
    assert flask(service, "traffic") == (0, "Nothing is written down yet: the clock does that, every 10 seconds.\n")
    telemetry = service.container.telemetry
    telemetry.sample({"users": (7, 1.5)})
    service.send("GET", f"/tenants/{tenant.id}/summary")
    telemetry.sample({"users": (3, 0.5)})

    code, table = flask(service, "traffic")

    rows = {line[:14].strip(): line[14:].split() for line in table.splitlines()[1:]}
    assert code == 0
    assert rows["events behind"] == ["█", "3", "3", "3"]
    assert float(rows["queries/s"][1].replace(",", "")) > 0
    assert rows["command p99 ms"] == ["·", "-", "-", "-"]
    (point,) = answer(service, "traffic")["points"]
    assert point["lag"]["users"] == {"events": 3, "seconds": 0.5}


def test_a_rebuild_is_looked_at_without_lending_it_a_hand(service: Service, tenant: Tenant) -> None:
    assert flask(service, "projections", "progress", "users")[0] == FAILED
    flask(service, "projections", "rebuild", "users")

    assert answer(service, "projections", "progress", "users")["folded"] == 0
    assert flask(service, "projections", "progress", "users")[1].startswith("The rebuild of users: ")
