"""JSON that is made for one request, and that nobody is to keep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Response


def fresh(body: Mapping[str, Any], status: int = 200, *, location: str | None = None) -> Response:
    """Answer with *body*; *location* is the path where to look next."""
    response = Response(json.dumps(body), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    if location is not None:
        response.headers["Location"] = location
    return response
