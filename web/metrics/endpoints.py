"""``/metrics`` in Prometheus's text format. Each part of the service has a collector in COLLECTORS."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

from flask import Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from domain.bootstrap import Container
from web.blueprint import Blueprint
from web.context import container
from web.errors import Unauthenticated
from web.metrics.cache import CacheCollector

blueprint = Blueprint("metrics", __name__, description="How the service does")

#: What makes the collector of each part.
COLLECTORS: tuple[Callable[[Container], Any], ...] = (lambda container: CacheCollector(container.caching),)


@blueprint.route("/metrics")
@blueprint.response(200, {"type": "string"}, content_type="text/plain", example="cqrs_cache_l1_bytes 4096.0\n")
@blueprint.doc(security=[{"metrics": []}])
def metrics() -> Response:
    """Give the metrics of all processes in Prometheus's text format"""
    _authenticate()
    registry = CollectorRegistry(auto_describe=False)
    for collector_of in COLLECTORS:
        registry.register(collector_of(container()))
    response = Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
    response.headers["Cache-Control"] = "no-store"
    return response


def _authenticate() -> None:
    """Ask for METRICS_TOKEN where one is set. Raises Unauthenticated."""
    token = container().settings.metrics_token
    if token is None:
        return
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        raise Unauthenticated(reason="it is not METRICS_TOKEN")
