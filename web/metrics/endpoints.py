"""``/metrics`` in Prometheus's text format."""

from __future__ import annotations

import hmac

from flask import Response, current_app, request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from web.blueprint import Blueprint
from web.context import container
from web.errors import Unauthenticated
from web.metrics.parts import Parts

blueprint = Blueprint("metrics", __name__, description="How the service does")

#: The key of app.extensions under which what asks the parts lies.
EXTENSION = "cqrs_metrics"


@blueprint.route("/metrics")
@blueprint.response(200, {"type": "string"}, content_type="text/plain", example='cqrs_up{part="cache"} 1.0\n')
@blueprint.doc(security=[{"metrics": []}])
def metrics() -> Response:
    """Give the metrics of all processes in Prometheus's text format"""
    _authenticate()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(current_app.extensions.setdefault(EXTENSION, Parts(container())))
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
