"""The application factory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response

from domain.bootstrap import Container, bootstrap
from domain.settings import Settings
from web import (
    access_log,
    admin,
    authorization,
    cli,
    context,
    health,
    limits,
    metrics,
    operator,
    problems,
    surroundings,
    tenants,
    tracing,
    users,
    workspaces,
)
from web.arguments import WERKZEUG_MAX_BODY
from web.auth import Authenticator
from web.blueprint import Api
from web.bodies import WholeRequest
from web.fast_path import FastPath
from web.metrics import requests
from web.openapi import page
from web.token_refusals import Refusals
from workers.hints import HintSender


def create_app(settings: Settings | None = None, container: Container | None = None) -> Flask:
    """Build the application. Nothing connects before the first request.

    *settings* are read from the environment where none are given; *container* is wired from them, with hints to the
    workers. Raises SettingsError.
    """
    container = container or _wired(settings or Settings.from_environment())
    app = empty_app()
    app.extensions[context.EXTENSION] = container
    # In this order they see a request, and in the opposite one its answer.
    access_log.install(app)
    requests.install(app, container.telemetry)
    tracing.install(app)
    context.install(app)
    surroundings.install(app, container.settings)
    meters = limits.install(app, container)
    authenticator = Authenticator.from_settings(container.settings, Refusals(container.telemetry))
    app.extensions[context.AUTHENTICATOR] = authenticator
    authorization.install(app, authenticator)
    limits.install_for_principals(app, meters.principal)
    problems.install(app)
    add_endpoints(app)
    container.caching.cache.init_app(app)
    cli.install(app)
    # From here on from the outside in the opposite order: what is said last sees a request first.
    app.wsgi_app = FastPath(app.wsgi_app, container.caching, authenticator, meters)  # type: ignore[method-assign]
    limits.trust_proxies(app, container.settings.trusted_proxies)
    return app


class _Application(Flask):
    request_class = WholeRequest

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Take no view and no hook for a coroutine, instead of looking at each of a score of them."""
        return func

    def make_default_options_response(self) -> Response:
        """Name the methods of a path, in an answer that has no content and so no type of it."""
        response = super().make_default_options_response()
        del response.headers["Content-Type"]
        return response


def empty_app() -> Flask:
    """Return an application without endpoints."""
    app = _Application("web", static_folder=None)
    app.config.update(
        API_TITLE="PyAirtable directory",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api/v1",
        MAX_CONTENT_LENGTH=WERKZEUG_MAX_BODY,
    )
    # A redirect to a path with fewer slashes would be one more answer that is not a problem document.
    app.url_map.merge_slashes = False
    return app


def add_endpoints(app: Flask) -> Api:
    """Add all endpoints, and the OpenAPI document that describes them."""
    api = Api()
    api.init_app(app)
    for subject in (tenants, users, workspaces, admin, health, metrics):
        api.register_blueprint(subject.blueprint)
    app.register_blueprint(page.blueprint)
    app.register_blueprint(operator.blueprint)
    return api


def _wired(settings: Settings) -> Container:
    hints = HintSender(settings.redis_url)
    container = bootstrap(settings, hints.on_appended)
    hints.counters = container.counters
    # Made now, since the threads that share them would otherwise make them at the same time.
    _ = container.command_bus, container.synchronous_fold, container.queries, container.waiter, container.monitor
    return container
