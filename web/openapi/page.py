"""Swagger UI at /docs, out of the package that brings its files along, so that nothing comes from elsewhere."""

from __future__ import annotations

import mimetypes
from pathlib import Path

import flask_swagger_ui  # type: ignore[import-untyped]
from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

#: The page's files: ours, and those of the package that it names.
_OURS = Path(__file__).parent / "static"
_THEIRS = Path(flask_swagger_ui.__file__).parent / "dist"
_FILES = {
    "start.js": _OURS / "start.js",
    **{name: _THEIRS / name for name in ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")},
}

#: The page's own files, its styles in elements, and the images that the style sheet brings along.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

blueprint = Blueprint("docs", __name__, url_prefix="/docs")


@blueprint.route("")
def page() -> Response:
    """Show the OpenAPI document"""
    return _sent(_OURS / "index.html")


@blueprint.route("/<name>")
def file(name: str) -> Response:
    """Give a file of the page"""
    if name not in _FILES:
        raise NotFound
    return _sent(_FILES[name])


def _sent(path: Path) -> Response:
    body = path.read_bytes()
    response = Response(body, content_type=mimetypes.guess_type(path.name)[0] or "application/octet-stream")
    if path.suffix == ".html":
        response.headers["Content-Type"] = "text/html; charset=utf-8"
    response.headers["Cache-Control"] = "public, max-age=3600"
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response
