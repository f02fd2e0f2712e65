"""What schemathesis has to know beyond the OpenAPI document. It loads this file in a process of its own."""

from __future__ import annotations

import itertools
import os
import re
import uuid
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.openapi import format as openapi_format

_numbers = itertools.count()

#: Without the fillers of Hangul and the blank of Braille, which count as letters and a sign and can't be seen.
_VISIBLE = st.characters(categories=("L", "N", "P", "S"), exclude_characters="\u115f\u1160\u3164\uffa0\u2800")

#: The formats of our own. No document can list the names of the zones, nor know what positions there are: one that
#: nobody was ever told is not reached, which is a 503 after two seconds.
openapi_format("line", st.text(_VISIBLE, min_size=1, max_size=100))
openapi_format("lines", st.text(_VISIBLE | st.sampled_from(" \n\t"), max_size=200))
openapi_format("iana-time-zone", st.sampled_from(["UTC", "Europe/London", "Asia/Tokyo", "America/New_York"]))
openapi_format("entity-tag", st.sampled_from(['"1"', '"2"', '"3"', 'W/"1"', '"x"', "*"]))
openapi_format("position", st.just("0-0"))


@schemathesis.serializer("application/x-ndjson")
def lines(_context: Any, value: Any) -> bytes:
    """Send a text as it is, and anything else as a line of JSON."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@schemathesis.auth()
class Token:
    """The tokens that the test hands over."""

    def get(self, _case: Any, _context: Any) -> str:
        return os.environ["CONTRACT_TOKEN"]

    def set(self, case: Any, data: str, _context: Any) -> None:
        token = os.environ["METRICS_TOKEN"] if case.path == "/metrics" else data
        case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Keep apart what would otherwise be refused for a reason that no document can state."""
    key = case.headers.get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch("[!-~]{1,200}", key):
        # Two random requests under one key are an error of the client's.
        case.headers["Idempotency-Key"] = f"{key}{uuid.uuid4().hex}{next(_numbers)}"
    if re.fullmatch("[0-9]{1,3}-[0-9]{1,18}", str(case.headers.get("Min-Position"))):
        # One that was made up is never reached.
        case.headers["Min-Position"] = "0-0"
    if case.meta is not None and case.meta.generation.mode.is_positive:
        _heed_formats(case)
    cursor = (case.query or {}).get("cursor")
    if isinstance(cursor, str) and 1 <= len(cursor) <= 512:
        # A cursor is what an answer gave, and nothing that could be thought up.
        del case.query["cursor"]
    if isinstance(case.body, dict) and isinstance(case.body.get("settings"), dict):
        # The generator passes over what the document says about the names in it.
        case.body["settings"] = _without_nul(case.body["settings"])


def _heed_formats(case: Any) -> None:
    """Put right what the generator made without looking at our formats, which happens now and then."""
    if isinstance(case.body, dict) and case.path.endswith("/cache/invalidate"):
        # What a key is, and a tag, no document can say either.
        case.body = {"tenant_id": str(uuid.uuid4())}
    tag = case.headers.get("If-Match")
    if isinstance(tag, str) and not re.fullmatch(r'(W/)?"[!#-~]*"|\*', tag):
        case.headers["If-Match"] = '"1"'


def _without_nul(value: Any) -> Any:
    if isinstance(value, dict):
        return {name.replace("\0", "") or "x": _without_nul(below) for name, below in value.items()}
    return [_without_nul(below) for below in value] if isinstance(value, list) else value
