"""The headers by which a client sets conditions: If-Match, Idempotency-Key, Min-Position, Prefer."""

from __future__ import annotations

import hashlib
import re

from flask import request

from domain.model.errors import VersionMismatch
from domain.model.json_object import canonical
from domain.model.position import Position
from web import json_body
from web.context import actor
from web.errors import Malformed, NoVersionNamed

#: A version that no aggregate ever has, for an entity tag that can match none.
NO_VERSION = -1

#: Seconds that a query waits for its Min-Position, and the most that ``Prefer: wait=N`` may make of it.
USUAL_WAIT = 2
LONGEST_WAIT = 10

#: The pattern of the whole value, without anchors.
KEY_PATTERN = r"[!-~]{1,255}"

_KEY = re.compile(KEY_PATTERN)
_ENTITY_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_VERSION = re.compile(r"0|[1-9]\d{0,8}")
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?([0-9]+)\"?\s*(?:$|[,;])", re.IGNORECASE)


def expected_version() -> int | None:
    """Return the version that If-Match asks for; None if any will do.

    The comparison is strong (RFC 9110, section 13.1.1): a weak tag matches nothing, nor does a tag that isn't one of
    ours. ``*`` asks only that the thing exists, which every command but the creating ones asks anyhow.
    """
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    tag = _ENTITY_TAG.fullmatch(header.strip())
    if tag is None:
        raise Malformed(reason='If-Match has to be one entity tag, such as "3", or *')
    weak, version = tag.groups()
    return NO_VERSION if weak or not _VERSION.fullmatch(version) else int(version)


def mismatch(expected: int, actual: int) -> VersionMismatch:
    """Return what to raise where a thing is at the version *actual*, and If-Match asks for *expected*."""
    return (NoVersionNamed if expected == NO_VERSION else VersionMismatch)(expected=expected, actual=actual)


def refuse_version() -> None:
    """Raise VersionMismatch for an If-Match: what doesn't exist yet has no version that could match."""
    if (expected := expected_version()) is not None:
        raise mismatch(expected, actual=0)


def idempotency_key() -> str | None:
    """Return the Idempotency-Key, if there is one."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise Malformed(reason="Idempotency-Key has to be 1 to 255 visible ASCII characters")
    return key


def fingerprint(body: bytes) -> str:
    """Return what tells one request from another under the same Idempotency-Key: what is asked, and by whom.

    Bodies that say the same in another order or spacing are the same. *body* is JSON that was taken already, or empty.
    """
    principal = actor()
    said = canonical(json_body.parse(body)) if body else ""
    parts = (request.method, request.path, principal.id, principal.tenant_id or "", said)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def min_position() -> Position | None:
    """Return the position that the answer has to have reached, if the client asks for one."""
    header = request.headers.get("Min-Position")
    return None if header is None else Position.parse(header.strip())


def preferred_wait() -> int | None:
    """Return the N of ``Prefer: wait=N``, cut to LONGEST_WAIT. What else is preferred is passed over (RFC 7240)."""
    found = _WAIT.search(request.headers.get("Prefer", ""))
    if found is None:
        return None
    # Of a number of thousands of digits, which Python would not convert, three say that it is too large.
    return min(int(found[1].lstrip("0")[:3] or 0), LONGEST_WAIT)


def patience() -> int:
    """Return for how many seconds the answer may wait for the Min-Position."""
    preferred = preferred_wait()
    return USUAL_WAIT if preferred is None else preferred
