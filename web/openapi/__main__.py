"""``python -m web.openapi`` writes the OpenAPI document to web/openapi.json."""

from __future__ import annotations

from web.app import add_endpoints, empty_app
from web.openapi.document import FILE, written

FILE.write_text(written(add_endpoints(empty_app()).document), encoding="utf-8")
