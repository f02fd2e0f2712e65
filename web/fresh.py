"""JSON that is made for one request, and that nobody is to keep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Response


def fresh(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with *body*, and with *headers* beside those of every such answer."""
    ours = {"Cache-Control": "no-store", **(headers or {})}
    return Response(json.dumps(body), status, ours, content_type="application/json")
