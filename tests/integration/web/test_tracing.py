"""A request's trace goes on through its events to the batch that folds them and the invalidation that follows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import dramatiq
import pytest
from flask import Flask
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from domain import tracing
from domain.model.position import Position
from domain.settings import Settings
from domain.tracing.spans import Spans
from tests.integration.web.counted import Counted
from tests.integration.web.service import Service, Tenant
from workers.hints import HintSender
from workers.redis_broker import QUEUE, make_broker
from workers.tracing import Tracing

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CLIENT = f"00-{TRACE}-{PARENT}-01"


class Collected:
    """The spans that have ended."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.spans = Spans(TracerProvider(shutdown_on_exit=False))
        self.spans._provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def clear(self) -> None:
        self._exporter.clear()

    @property
    def all(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    def named(self, name: str) -> ReadableSpan:
        (found,) = [span for span in self.all if span.name == name]
        return found


@pytest.fixture
def collected() -> Iterator[Collected]:
    collected = Collected()
    tracing.use(collected.spans)
    yield collected
    tracing.use(None)


def trace_of(span: ReadableSpan) -> str:
    return f"{span.context.trace_id:032x}"


def child(span: ReadableSpan, parent: ReadableSpan) -> bool:
    return span.parent is not None and span.parent.span_id == parent.context.span_id


def test_a_request_is_traced_from_its_client_to_the_invalidation(
    service: Service, tenant: Tenant, collected: Collected
) -> None:
    service.fold()
    collected.clear()

    sent = service.send(
        "POST",
        "/users",
        {"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace"},
        by=tenant.admin,
        headers={"traceparent": CLIENT, "X-Request-ID": "req-7"},
    )
    service.fold()

    request, append = collected.named("POST /api/v1/users"), collected.named("append")
    fold, invalidate = collected.named("fold"), collected.named("invalidate")
    assert {trace_of(span) for span in (request, append, fold, invalidate)} == {TRACE}
    assert f"{request.parent.span_id:016x}" == PARENT
    assert child(append, request)
    assert child(fold, append)
    assert child(invalidate, fold)
    assert sent.headers["traceparent"] == f"00-{TRACE}-{request.context.span_id:016x}-01"
    assert request.attributes["cqrs.correlation_id"] == "req-7"
    assert request.attributes["http.response.status_code"] == 201
    assert append.attributes["cqrs.command"] == "RegisterUser"
    assert fold.attributes["cqrs.projections"] == ("tenant_summaries", "users", "workspaces")


def test_an_answer_that_passes_flask_by_is_traced_like_others(app: Flask, collected: Collected) -> None:
    service = Counted(app)
    tenant = service.tenant()
    service.fold()
    token, path = service.token(tenant.admin), f"/tenants/{tenant.id}/summary"
    service.remember(path, token)
    collected.clear()

    again, passed = service.passed(path, token, traceparent=CLIENT, **{"X-Request-ID": "req-7"})

    request = collected.named("GET /api/v1/tenants/<id:tenant_id>/summary")
    assert passed
    assert (trace_of(request), f"{request.parent.span_id:016x}") == (TRACE, PARENT)
    assert request.attributes["cqrs.correlation_id"] == again.headers["X-Request-ID"] == "req-7"
    assert request.attributes["http.response.status_code"] == 200
    assert again.headers["traceparent"] == f"00-{TRACE}-{request.context.span_id:016x}-01"


def test_a_batch_of_many_traces_has_links_to_them(service: Service, tenant: Tenant, collected: Collected) -> None:
    service.fold()
    collected.clear()
    traces = [f"{n:032x}" for n in range(1, 4)]
    for n, trace in enumerate(traces):
        body = {"email": f"user{n}@example.com", "first_name": "Ada", "last_name": "Lovelace"}
        service.done("POST", "/users", body, by=tenant.admin, headers={"traceparent": f"00-{trace}-{PARENT}-01"})

    service.fold()

    fold = collected.named("fold")
    assert fold.attributes["cqrs.events"] == 3
    linked = [f"{link.context.trace_id:032x}" for link in fold.links]
    assert sorted([trace_of(fold), *linked]) == traces


def test_what_is_not_sampled_by_its_client_is_not_traced_anywhere(
    service: Service, tenant: Tenant, collected: Collected
) -> None:
    service.fold()
    collected.clear()

    body = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace"}
    service.done("POST", "/users", body, by=tenant.admin, headers={"traceparent": CLIENT[:-1] + "0"})
    service.fold()

    assert [span.name for span in collected.all] == []


def test_an_error_is_told_by_its_class_alone(service: Service, tenant: Tenant, collected: Collected) -> None:
    tenant.user(email="ada@example.com")
    collected.clear()

    body = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace"}
    service.send("POST", "/users?cursor=hunter2", body, by=tenant.admin)
    service.send("POST", "/users", body, by=tenant.admin)
    service.app.test_client().get("/somewhere/ada@example.com")

    refused = [span for span in collected.all if span.name == "append"]
    assert {span.attributes["error.type"] for span in refused} == {"EmailTaken"}
    assert not any(span.events for span in collected.all)
    told = "".join(span.to_json() for span in collected.all)
    for secret in ("ada@", "hunter2", "Lovelace", "Bearer", service.token(tenant.admin)[-20:]):
        assert secret not in told


def test_a_hint_takes_its_sender_s_trace_to_the_worker(
    settings: Settings, collected: Collected, redis_url: str
) -> None:
    broker = make_broker(redis_url, 2.0, middleware=[Tracing()])
    within: list[str | None] = []

    @dramatiq.actor(broker=broker, queue_name=QUEUE, actor_name="project")
    def project(_shard: int) -> None:
        within.append(tracing.traceparent())

    hints = HintSender(redis_url)
    with tracing.span("request", parent=CLIENT):
        hints.on_appended(Position(17, 1), 1)
    worker = dramatiq.Worker(broker, worker_timeout=20, worker_threads=1)
    worker.start()
    broker.join(QUEUE, timeout=10_000)
    worker.join()
    worker.stop()
    hints.close()

    assert trace_of(collected.named("project")) == TRACE
    assert child(collected.named("project"), collected.named("request"))
    assert within[0].split("-")[1] == TRACE


def test_without_a_collector_nothing_is_traced_and_the_client_s_trace_is_kept(service: Service, tenant: Tenant) -> None:
    body = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace"}

    sent = service.send("POST", "/users", body, by=tenant.admin, headers={"traceparent": CLIENT})

    assert tracing.traceparent() is None
    assert sent.headers["traceparent"] == CLIENT
    position = Position.parse(sent.headers["Event-Position"])
    (event,) = service.container.event_store.read(position.shard, position.offset - 1, 1)
    assert event.metadata["traceparent"] == CLIENT


@pytest.mark.parametrize("endpoint", ["", "http://127.0.0.1:4318"])
def test_the_packages_are_not_needed(endpoint: str, settings: Settings) -> None:
    program = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from domain import logs, tracing\nfrom domain.settings import Settings\nfrom web.app import create_app\n"
        "settings = Settings.from_environment()\nlogs.configure(settings)\ntracing.configure(settings, 'web')\n"
        "create_app(settings)\nimport workers.tracing\nprint(tracing.is_on())"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            "PATH": os.environ["PATH"], "JWT_SECRET": "x" * 32, "LOG_FORMAT": "json",
            "DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        },
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip

    *logged, is_on = done.stdout.splitlines()
    assert is_on == "False"
    assert any("the extra otel is not installed" in line for line in logged) is bool(endpoint)


@pytest.mark.parametrize(
    ("environment", "on"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_the_variables_of_opentelemetry_switch_it(environment: dict[str, Any], on: bool) -> None:
    servers = {"DATABASE_URL": "postgresql://x", "REDIS_URL": "redis://x", "JWT_SECRET": "x" * 32}

    assert Settings.from_environment(servers | environment).tracing is on


def test_many_links_are_bounded(collected: Collected) -> None:
    parents = [f"00-{n:032x}-{PARENT}-01" for n in range(1, 200)]

    with tracing.batch("fold", None, [*parents, None, "nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"], 1):
        pass

    assert len(collected.named("fold").links) == 64
