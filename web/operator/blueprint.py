"""The pages' frame: who may send forms, what a browser may do with a page, and errors as pages for people."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.routing import RequestRedirect

from domain.model.errors import DomainError, Forbidden
from web import problems, session
from web.errors import Unauthenticated
from web.operator import forms, words

#: Our own files, and nothing inline: neither scripts nor styles.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

blueprint = Blueprint("operator", __name__, url_prefix=session.PATH, template_folder="templates")


@blueprint.record_once
def _prepare(state: Any) -> None:
    environment = state.app.jinja_env
    # A name that a page doesn't have is a defect, which must not look like a number that is missing.
    environment.undefined = StrictUndefined
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.filters.update(words.FILTERS)
    environment.globals.update(form_fields=forms.hidden)


@blueprint.before_request
def begin() -> None:
    """Refuse a form that none of our pages has sent. Who may send it is decided before, by web.authorization."""
    signing_in = request.endpoint == "operator.sign_in"
    g.form_key = session.visit() if signing_in else session.token() or session.visit()
    if request.method not in ("GET", "HEAD", "OPTIONS") and request.endpoint != "operator.nowhere":
        forms.check(g.form_key)


@blueprint.after_request
def end(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    # With no-referrer browsers would not say from which page a form comes either.
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    forms.forget_said(response)
    return response


@blueprint.route("/<path:_rest>", methods=METHODS)
def nowhere(_rest: str) -> Response:
    """Say to people, too, that there is no such page"""
    raise NotFound


@blueprint.errorhandler(Exception)
def failed(error: Exception) -> Response:
    """Show an error as a page; lead to the sign-in where there is no session, and back where a form was refused."""
    if isinstance(error, RequestRedirect):
        return error.get_response()  # type: ignore[return-value]
    if isinstance(error, Unauthenticated):
        return _to_sign_in()
    if isinstance(error, HTTPException):
        status, detail = error.code or 500, error.description or error.name
        headers = dict(error.get_headers())
    else:
        problem = problems.from_error(error)
        status, detail = problem.status_code, (problem.json or {})["detail"]
        headers = dict(problem.headers)
        if isinstance(error, DomainError) and request.method == "POST" and status in (404, 409, 422):
            return forms.refused(str(error))
    if isinstance(error, Forbidden):
        detail = "This page is for those who run the service: sign in with a token whose role is super_admin."
    body = render_template("error.html", status=status, title=HTTP_STATUS_CODES[status], detail=detail)
    response = Response(body, status, content_type="text/html; charset=utf-8")
    for name in ("Allow", "Retry-After", "RateLimit", "RateLimit-Policy"):
        if name in headers:
            response.headers[name] = headers[name]
    return response


def _to_sign_in() -> Response:
    back = forms.own_path(request.full_path.rstrip("?")) if request.method == "GET" else session.PATH
    ended = session.token() is not None or session.has_ended()
    response: Any = redirect(
        url_for("operator.sign_in", ended="1" if ended else None, back=None if back == session.PATH else back), 303
    )
    if session.token() is not None:
        session.forget(response, session.COOKIE)
    return response  # type: ignore[no-any-return]
