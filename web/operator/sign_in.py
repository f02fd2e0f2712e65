"""Signing in with a bearer token, and out again."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Response, g, redirect, render_template, request

from domain.model.errors import Unavailable
from web import session
from web.context import authenticator
from web.errors import Unauthenticated
from web.operator import forms
from web.operator.blueprint import blueprint

log = structlog.get_logger(__name__)


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Response:
    """Ask for a token, and let a session begin with it"""
    back = forms.own_path(request.values.get(forms.BACK))
    if request.method == "GET":
        return _form(back, 200, ended="ended" in request.args)
    token = request.form.get("token", "").strip().removeprefix("Bearer ").strip()
    if len(token) > session.LONGEST_TOKEN:
        return _form(back, 401, f"This token is longer than {session.LONGEST_TOKEN:,} characters: it fits no cookie.")
    try:
        actor, expires_at = authenticator().verify(f"Bearer {token}" if token else None)
    except Unauthenticated as error:
        return _form(back, 401, f"This token is not accepted: {error.data['reason']}.")
    except Unavailable as error:
        return _form(back, 503, str(error))
    if not actor.is_super_admin:
        roles = ", ".join(sorted(actor.roles))
        return _form(back, 403, f"This token may not see this page: it needs the role super_admin, and has {roles}.")
    log.info("An operator signs in.", by=actor.id)
    response: Any = redirect(back, 303)
    session.begin(response, token, expires_at)
    return response  # type: ignore[no-any-return]


@blueprint.route("/sign-out", methods=["POST"])
def sign_out() -> Response:
    """Let the session end"""
    log.info("An operator signs out.", by=g.actor.id)
    response: Any = redirect(session.PATH + "/sign-in?out=1", 303)
    session.end(response)
    return response  # type: ignore[no-any-return]


def _form(back: str, status: int, refusal: str | None = None, *, ended: bool = False) -> Response:
    body = render_template("sign_in.html", back=back, refusal=refusal, ended=ended, out="out" in request.args)
    response = Response(body, status, content_type="text/html; charset=utf-8")
    session.greet(response, g.form_key)
    return response
