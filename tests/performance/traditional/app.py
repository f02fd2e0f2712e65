"""The Flask application around a traditional directory: the service's paths, tokens, rules, JSON and errors."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import orjson
from flask import Flask, Response, g, request

from domain.model import fields
from domain.model.actor import Actor
from domain.model.errors import Forbidden, NotFound, TenantNotFound, UserNotFound, WorkspaceNotFound
from domain.model.json_object import json_object
from domain.model.users.aggregate import PROFILE
from domain.model.workspaces.roles import ROLES
from domain.read import cursor
from domain.settings import Settings
from tests.performance.traditional.directory import Commands, Page, Queries, Written
from web import problems, tenancy
from web.auth import Authenticator
from web.errors import ValidationFailed
from web.ids import IdConverter


def create_app(settings: Settings, queries: Queries, commands: Commands) -> Flask:
    app = Flask("traditional", static_folder=None)
    app.url_map.converters["id"] = IdConverter
    authenticator = Authenticator.from_settings(settings)
    problems.install(app)

    @app.before_request
    def authenticate() -> None:
        g.actor = authenticator.authenticate(request.headers.get("Authorization"))

    _add_queries(app, queries)
    _add_commands(app, commands)
    return app


def _add_queries(app: Flask, queries: Queries) -> None:
    @app.get("/api/v1/users/profile")
    def own_profile() -> Response:
        return _answer(queries.user(tenancy.own(), _actor().id), UserNotFound)

    @app.get("/api/v1/users/<id:user_id>")
    def show_user(user_id: str) -> Response:
        return _answer(queries.user(tenancy.own(), user_id), UserNotFound)

    @app.get("/api/v1/users/tenant/<id:tenant_id>")
    def users_of_tenant(tenant_id: str) -> Response:
        active_only = request.args.get("active_only", "false") == "true"
        return _answer(queries.users_of_tenant(tenancy.named(tenant_id), _page("u"), active_only), TenantNotFound)

    @app.get("/api/v1/workspaces/<id:workspace_id>")
    def show_workspace(workspace_id: str) -> Response:
        return _answer(queries.workspace(tenancy.own(), workspace_id), WorkspaceNotFound)

    @app.get("/api/v1/workspaces/tenant/<id:tenant_id>")
    def workspaces_of_tenant(tenant_id: str) -> Response:
        return _answer(queries.workspaces_of_tenant(tenancy.named(tenant_id), _page("w")), TenantNotFound)

    @app.get("/api/v1/workspaces/<id:workspace_id>/members")
    def workspace_members(workspace_id: str) -> Response:
        return _answer(queries.workspace_members(tenancy.own(), workspace_id, _page("m")), WorkspaceNotFound)

    @app.get("/api/v1/tenants/<id:tenant_id>/summary")
    def tenant_summary(tenant_id: str) -> Response:
        return _answer(queries.tenant_summary(tenancy.named(tenant_id)), TenantNotFound)

    @app.get("/api/v1/tenants/<id:tenant_id>/dashboard")
    def tenant_dashboard(tenant_id: str) -> Response:
        return _answer(queries.dashboard(tenancy.named(tenant_id)), TenantNotFound)


def _add_commands(app: Flask, commands: Commands) -> None:
    @app.post("/api/v1/users")
    def register_user() -> Response:
        body = _body(
            {"email": fields.email, "first_name": fields.name, "last_name": fields.name, "tenant_id": fields.uuid},
            optional={"tenant_id": None},
        )
        tenant_id = tenancy.for_new_user(body.pop("tenant_id"))
        _only_admins(tenant_id)
        return _written(commands.register_user(tenant_id, body), "/api/v1/users/{}")

    @app.patch("/api/v1/users/<id:user_id>")
    def update_user(user_id: str) -> Response:
        tenant_id = tenancy.own()
        if _actor().id != user_id:
            _only_admins(tenant_id)
        return _written(commands.update_user(tenant_id, user_id, _body(PROFILE, partial=True)))

    @app.post("/api/v1/workspaces")
    def create_workspace() -> Response:
        body = _body(
            {"name": fields.name, "description": fields.description, "is_public": fields.boolean,
             "settings": json_object},
            optional={"description": "", "is_public": False, "settings": {}},
        )  # fmt: skip
        return _written(commands.create_workspace(tenancy.own(), _actor().id, body), "/api/v1/workspaces/{}")

    @app.post("/api/v1/workspaces/<id:workspace_id>/members")
    def add_member(workspace_id: str) -> Response:
        body = _body({"user_id": fields.uuid, "role": lambda field, value: fields.one_of(field, value, ROLES)})
        return _written(
            commands.add_member(_actor(), tenancy.own(), workspace_id, **body), "/api/v1/workspaces/{}/members"
        )


def _actor() -> Actor:
    actor: Actor = g.actor
    return actor


def _only_admins(tenant_id: str) -> None:
    if not _actor().administers(tenant_id):
        raise Forbidden


def _page(list: str) -> Page:
    """The part of a list that the query string asks for. Raises ValidationFailed, or Invalid for a strange cursor."""
    try:
        limit, offset = int(request.args.get("limit", 50)), int(request.args.get("offset", 0))
    except ValueError:
        raise ValidationFailed(errors={"limit": ["limit and offset are whole numbers"]}) from None
    if not (1 <= limit <= 100 and 0 <= offset <= 10_000):
        raise ValidationFailed(errors={"limit": ["limit is 1 to 100, offset 0 to 10000"]})
    after = request.args.get("cursor")
    return Page(limit, offset) if after is None else Page(limit, 0, cursor.decode(list, after))


def _body(
    checks: Mapping[str, fields.Check], optional: Mapping[str, Any] = MappingProxyType({}), *, partial: bool = False
) -> dict[str, Any]:
    """The request's body, each field checked. One that is missing has its value in *optional*; *partial*: none."""
    sent = request.get_json()
    if not isinstance(sent, dict):
        raise ValidationFailed(errors={"body": ["it must be an object"]})
    if unknown := sent.keys() - checks.keys():
        raise ValidationFailed(errors={field: ["there is no such field"] for field in unknown})
    if not partial and (missing := checks.keys() - sent.keys() - optional.keys()):
        raise ValidationFailed(errors={field: ["it is missing"] for field in missing})
    return {**optional, **{field: checks[field](field, value) for field, value in sent.items()}}


def _answer(body: bytes | None, missing: type[NotFound]) -> Response:
    if body is None:
        raise missing
    return Response(body, content_type="application/json")


def _written(written: Written, location: str | None = None) -> Response:
    response = Response(orjson.dumps(written._asdict()), 200 if location is None else 201)
    response.content_type = "application/json"
    response.headers["ETag"] = f'"{written.version}"'
    if location is not None:
        response.headers["Location"] = location.format(written.id)
    return response
