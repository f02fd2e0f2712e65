"""The commands of ``flask --app web``."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest
from werkzeug.serving import make_server

from domain.model.actor import Actor
from tests.integration.web.service import Service, Tenant
from web.admin.schemas import ProjectionsStatusView
from web.auth import Authenticator
from web.sample import plan

TENANT = "7d7b1a52-3b43-4c5b-8a5e-3a4f6e1d2c3b"


def flask(service: Service, *arguments: str) -> tuple[int, str]:
    """Return the exit code and what was printed; where it failed also what was complained of."""
    result = service.app.test_cli_runner().invoke(args=arguments)
    return result.exit_code, result.output if result.exit_code else result.stdout


@pytest.mark.parametrize(
    ("arguments", "actor"),
    [
        (("--tenant", TENANT, "--user", "ada"), Actor("ada", TENANT, frozenset({"user"}))),
        (("--tenant", TENANT, "--user", "ada", "--role", "admin"), Actor("ada", TENANT, frozenset({"user", "admin"}))),
        (("--role", "super_admin", "--user", "ops"), Actor("ops", None, frozenset({"user", "super_admin"}))),
    ],
)
def test_a_printed_token_is_taken(service: Service, arguments: tuple[str, ...], actor: Actor) -> None:
    code, token = flask(service, "token", "--hours", "0.1", *arguments)

    assert code == 0
    authenticator = Authenticator.from_settings(service.container.settings)
    assert authenticator.authenticate(f"Bearer {token.strip()}") == actor


@pytest.mark.parametrize(
    "arguments",
    [(), ("--role", "admin"), ("--tenant", "acme"), ("--role", "emperor"), ("--role", "super_admin", "--hours", "0")],
)
def test_a_token_that_would_not_work_is_not_printed(service: Service, arguments: tuple[str, ...]) -> None:
    code, output = flask(service, "token", *arguments)

    assert code == 2
    assert "Error" in output


def test_the_projections_status_is_a_table_or_json(service: Service, tenant: Tenant) -> None:
    code, table = flask(service, "projections", "status")
    assert code == 0
    rows = [line.split() for line in table.splitlines()]
    assert [row[0] for row in rows[:4]] == ["projection", "users", "workspaces", "tenant_summaries"]
    assert rows[1][1:5] == ["catching_up", "async", "0", "1"]
    assert "- no worker is alive" in table

    _, text = flask(service, "projections", "status", "--json")
    ProjectionsStatusView().load(json.loads(text))


@pytest.fixture
def url(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The application behind a real port, with a sample small enough for a test, and events folded all the time."""
    monkeypatch.setattr(plan, "USERS", 20)
    monkeypatch.setattr(plan, "WORKSPACES", 3)
    stop = threading.Event()

    def fold() -> None:
        while not stop.wait(0.02):
            service.fold()

    server = make_server("127.0.0.1", 0, service.app, threaded=True)
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,)), threading.Thread(target=fold)]
    for thread in threads:
        thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    stop.set()
    server.shutdown()
    for thread in threads:
        thread.join()
    server.server_close()


def test_the_sample_is_loaded_once_however_often(service: Service, url: str) -> None:
    code, output = flask(service, "load-sample", "--url", url)
    assert code == 0, output
    heads = service.container.event_store.heads()
    assert output.count("20 users") == 5
    assert "Loading the sample: " in output

    assert flask(service, "load-sample", "--url", url)[0] == 0
    assert "not loaded" in flask(service, "load-sample", "--if-empty", "--url", url)[1]
    assert service.container.event_store.heads() == heads

    assert flask(service, "load-sample", "--set", "2", "--url", url)[0] == 0
    assert sum(service.container.event_store.heads().values()) > 1.9 * sum(heads.values())


def test_a_load_that_was_cut_off_is_taken_up_again(service: Service, url: str) -> None:
    first = plan.sample(1)[0]
    step = first.creation.steps[0]
    headers = {"Idempotency-Key": first.key(first.creation, step)}
    loader = Actor("sample-loader", None, frozenset({"super_admin"}))
    service.done(step.method, step.path.removeprefix("/api/v1"), step.body, by=loader, headers=headers)

    code, output = flask(service, "load-sample", "--if-empty", "--url", url)

    assert code == 0, output
    assert output.count("20 users") == 5


def test_a_store_with_other_data_is_left_alone(service: Service, tenant: Tenant) -> None:
    assert "not loaded" in flask(service, "load-sample", "--if-empty", "--url", "http://127.0.0.1:1")[1]


def test_a_refusal_ends_the_load_with_the_reason(service: Service, url: str) -> None:
    first = plan.sample(1)[0]
    service.done("POST", "/tenants", {"name": "Taken", "slug": first.slug, "plan": "free"})

    code, output = flask(service, "load-sample", "--url", url)

    assert code == 1
    assert "Another tenant has this slug" in output
