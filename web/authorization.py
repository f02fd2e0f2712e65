"""Who may do what: RULES, one line for each endpoint, asked before anything is looked up.

What a rule can't know from the token and the path, such as who owns a workspace, the aggregates decide. Whose tenant
it is about is not decided here either: see web.tenancy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, g, request

from domain.model.actor import Actor
from domain.model.errors import Forbidden
from web import session
from web.auth import Authenticator

Rule = Callable[[Actor, Mapping[str, Any]], bool]


def user(_actor: Actor, _path: Mapping[str, Any]) -> bool:
    """Whoever has a token, within its own tenant."""
    return True


def admin(actor: Actor, _path: Mapping[str, Any]) -> bool:
    """The admins of the tenant, and super_admins."""
    return actor.is_super_admin or "admin" in actor.roles


def oneself_or_admin(actor: Actor, path: Mapping[str, Any]) -> bool:
    """The user that the path names, and whoever may administer it."""
    return actor.id == path["user_id"] or admin(actor, path)


def super_admin(actor: Actor, _path: Mapping[str, Any]) -> bool:
    """Those who run the service."""
    return actor.is_super_admin


def operator(actor: Actor, path: Mapping[str, Any]) -> bool:
    """Those who run the service, known by the cookie of the page at /admin and by nothing else.

    All other rules look at the Authorization header alone, so that no other site can use what a browser remembers.
    """
    return super_admin(actor, path)


#: For endpoints that ask for no token.
EVERYBODY: Rule | None = None

RULES: dict[str, Rule | None] = {
    "tenants.create_tenant": super_admin,
    "tenants.change_tenant": super_admin,
    "tenants.change_plan": super_admin,
    "tenants.tenant_summary": user,
    "tenants.tenant_dashboard": user,
    "users.register_user": admin,
    "users.import_users": admin,
    "users.update_user": oneself_or_admin,
    "users.activate_user": admin,
    "users.deactivate_user": admin,
    "users.add_role": admin,
    "users.remove_role": admin,
    "users.own_profile": user,
    "users.show_user": user,
    "users.users_of_tenant": user,
    # The aggregate goes on from here: an active user creates; owners and admins of a workspace change it.
    "workspaces.create_workspace": user,
    "workspaces.update_workspace": user,
    "workspaces.delete_workspace": user,
    "workspaces.add_member": user,
    "workspaces.change_member_role": user,
    "workspaces.remove_member": user,
    "workspaces.show_workspace": user,
    "workspaces.workspaces_of_tenant": user,
    "workspaces.workspace_members": user,
    # Of its own tenant's doings an admin may know.
    "admin.audit_trail": admin,
    "admin.projections_status": super_admin,
    "admin.pause_projection": super_admin,
    "admin.resume_projection": super_admin,
    "admin.list_dead_letters": super_admin,
    "admin.list_skipped_events": super_admin,
    "admin.show_dead_letter": super_admin,
    "admin.retry_dead_letter": super_admin,
    "admin.retry_dead_letters": super_admin,
    "admin.skip_dead_letter": super_admin,
    "admin.start_rebuild": super_admin,
    "admin.show_rebuild": super_admin,
    "admin.cancel_rebuild": super_admin,
    "admin.roll_back_rebuild": super_admin,
    "admin.repair_aggregate": super_admin,
    "admin.verify_projections": super_admin,
    "admin.cache_stats": super_admin,
    "admin.invalidate_cache": super_admin,
    "admin.warm_cache_up": super_admin,
    "admin.show_warm_up": super_admin,
    "operator.overview": operator,
    "operator.projections": operator,
    "operator.pause_projection": operator,
    "operator.resume_projection": operator,
    "operator.start_rebuild": operator,
    "operator.cancel_rebuild": operator,
    "operator.roll_back_rebuild": operator,
    "operator.compare_rebuild": operator,
    "operator.verify_projection": operator,
    "operator.repair_aggregate": operator,
    "operator.dead_letters": operator,
    "operator.dead_letter": operator,
    "operator.skipped_events": operator,
    "operator.retry_dead_letter": operator,
    "operator.retry_dead_letters": operator,
    "operator.skip_dead_letter": operator,
    "operator.cache": operator,
    "operator.invalidate_cache": operator,
    "operator.warm_cache_up": operator,
    "operator.tenants": operator,
    "operator.tenant": operator,
    "operator.processes": operator,
    "operator.sign_out": operator,
    "operator.nowhere": operator,
    "operator.sign_in": EVERYBODY,
    "operator.file": EVERYBODY,
    # It asks for a token of its own.
    "metrics.metrics": EVERYBODY,
    "health.live": EVERYBODY,
    "health.ready": EVERYBODY,
    "health.cqrs": EVERYBODY,
    "api-docs.openapi_json": EVERYBODY,
    "docs.page": EVERYBODY,
    "docs.file": EVERYBODY,
}


def install(app: Flask, authenticator: Authenticator) -> None:
    """Ask RULES before each request. An endpoint that is not in the table is closed to all."""

    @app.before_request
    def authorize() -> None:
        # A path without an endpoint becomes a 404 or 405 by itself, and OPTIONS tells the methods of a path, no more.
        endpoint = request.endpoint
        if endpoint is None or request.method == "OPTIONS":
            return
        rule = RULES.get(endpoint, _nobody)
        if rule is None:
            return
        # Asked first, so that a key which goes while the token is verified isn't missed.
        g.keys_version = authenticator.keys_version()
        credentials = session.header() if rule is operator else request.headers.get("Authorization")
        actor, g.expires_at = authenticator.verify(credentials)
        g.actor = actor
        if not rule(actor, request.view_args or {}):
            raise Forbidden


def _nobody(_actor: Actor, _path: Mapping[str, Any]) -> bool:
    return False
