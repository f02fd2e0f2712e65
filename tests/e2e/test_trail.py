"""One id leads from an answer to its events, to the worker's batch and to its invalidation; one trace does too."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.e2e.fleet import Fleet, bearer, wait_for

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Collector(ThreadingHTTPServer):
    """Takes spans by OTLP: (service, name, span id, parent id) of each of TRACE."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[tuple[str, str, bytes, bytes]] = []
        self.bodies: list[bytes] = []

    def take(self, body: bytes) -> None:
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            told = {each.key: each.value.string_value for each in resource.resource.attributes}
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                if span.trace_id.hex() == TRACE:
                    self.spans.append((told["service.name"], span.name, span.span_id, span.parent_span_id))

    def whole_way(self) -> list[tuple[str, str]] | None:
        """The services and names of the spans from an invalidation up to a request, once all of them have come.

        One that was put off, as where Redis was slow, lies beside the fold that led to it, so it is passed over.
        """
        known = {id: (service, name, parent) for service, name, id, parent in self.spans}
        for at in [id for id, (_, name, _) in known.items() if name == "invalidate"]:
            way = []
            while at in known:
                service, name, at = known[at]
                way.append((service, name))
            if way[-1][1].startswith("POST /api/v1/") and "fold" in (name for _, name in way):
                return way
        return None


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever, args=(0.02,))
        thread.start()
        yield collector
        collector.shutdown()
        thread.join()


def lines(fleet: Fleet, kind: str) -> list[dict[str, Any]]:
    """What the process of *kind* has logged."""
    text = (fleet.directory / f"{kind}-0.log").read_text(errors="replace")
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_an_id_and_a_trace_are_followed_through_a_web_and_a_worker_process(
    database_url: str, redis_url: str, tmp_path: Path, collector: Collector
) -> None:
    address = f"http://127.0.0.1:{collector.server_address[1]}"
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with Fleet(database_url, redis_url, tmp_path, **settings) as fleet:
        fleet.start_all(clock=0)
        headers = bearer(fleet.token("super_admin")) | {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        api = f"{fleet.urls[0]}/api/v1"
        tenant = {"name": "Acme", "slug": "acme", "plan": "free"}
        created = requests.post(f"{api}/tenants", json=tenant, headers=headers, timeout=10)
        user = {"email": "ada@example.com", "first_name": "Ada", "last_name": "L", "tenant_id": created.json()["id"]}

        sent = requests.post(f"{api}/users", json=user, headers=headers | {"X-Request-ID": "req-7"}, timeout=10)

        # The answer names the request, and the log of the web process has it.
        assert (sent.status_code, sent.headers["X-Request-ID"]) == (201, "req-7")
        position = sent.headers["Event-Position"]
        wait_for(lambda: [line for line in lines(fleet, "web") if line.get("correlation_id") == "req-7"], 10, "request")

        # Its events have it, which the audit trail shows.
        trail = json.loads(fleet.flask("audit", "acme", "--json").stdout)["entries"]
        assert (trail[0]["position"], trail[0]["correlation_id"]) == (position, "req-7")

        # The worker's batch has it, and so has the invalidation.
        def told(event: str) -> dict[str, Any] | None:
            found = (line for line in lines(fleet, "worker") if line["event"] == event)
            return next((line for line in found if "req-7" in line["correlation_ids"]), None)

        batch = wait_for(lambda: told("batch"), 10, "the batch")
        invalidation = wait_for(lambda: told("invalidation"), 10, "the invalidation")
        assert batch["projections"] == ["tenant_summaries", "users", "workspaces"]
        assert batch["last"] == invalidation["last"] == position
        assert batch["level"] == "info"
        assert batch["duration_ms"] > 0

        # The trace leads the same way.
        way = wait_for(collector.whole_way, 10, "the spans from an invalidation up to its request")
        assert [name for _, name in way[:-1]] == ["invalidate", "fold", "project", "append"]
        assert [service.rpartition("-")[2] for service, _ in way] == ["worker", "worker", "worker", "web", "web"]
        assert b"ada@" not in b"".join(collector.bodies)
        assert "ada@" not in fleet.logs()
