"""The pages' style sheet, script and icon."""

from __future__ import annotations

import hashlib
import mimetypes
from functools import cache
from pathlib import Path

from flask import Response, url_for
from werkzeug.exceptions import NotFound

from web.operator.blueprint import blueprint

_FILES = {path.name: path for path in (Path(__file__).parent / "static").iterdir()}


@blueprint.route("/files/<name>")
def file(name: str) -> Response:
    """Give a file of the pages"""
    if name not in _FILES:
        raise NotFound
    content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    response = Response(_FILES[name].read_bytes(), content_type=f"{content_type}; charset=utf-8")
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


@blueprint.app_template_global()
def file_url(name: str) -> str:
    """Return the address of a file, another one after each change of it."""
    return url_for("operator.file", name=name, v=_version(name))


@cache
def _version(name: str) -> str:
    return hashlib.blake2b(_FILES[name].read_bytes(), digest_size=6).hexdigest()
