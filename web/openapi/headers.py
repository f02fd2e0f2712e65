"""The headers that clients send and get, as the OpenAPI document describes them."""

from __future__ import annotations

from typing import Any

from web import conditions, context

Described = dict[str, Any]


def _header(name: str, description: str, example: str, **schema: Any) -> Described:
    # Swagger UI would fill in an example of its own place, and send it: a version or a position that nothing has.
    described = {"description": f"{description} For example `{example}`.", "schema": {"type": "string"} | schema}
    return {"name": name, "in": "header", "required": False, **described}


#: Each by its name among the document's components.
PARAMETERS: dict[str, Described] = {
    "IdempotencyKey": _header(
        "Idempotency-Key",
        "Makes it safe to send the command again: the same key with the same request has one effect, and gets the "
        "same answer, for 24 hours. The same key with another request is refused with 422.",
        "7d7b1a52-3b43-4c5b",
        pattern=f"^{conditions.KEY_PATTERN}$",
    ),
    "IfMatch": _header(
        "If-Match",
        'The ETag that an earlier command on this thing answered with, or `"<event_version>"` of what a query shows, '
        "whose own ETag names no version. The command is carried out only if nothing has changed since; otherwise it "
        "is refused with 412.",
        '"3"',
        format="entity-tag",
    ),
    "IfNoneMatch": _header(
        "If-None-Match",
        "The ETag of an answer that the client still has. If it is still the answer, 304 comes back without a body.",
        '"4f0e9d1c0a8f5f6d"',
    ),
    "MinPosition": _header(
        "Min-Position",
        "The Event-Position of a command whose effect the answer has to show. The answer waits for it, 2 seconds or "
        "as Prefer says; 503 if it is not reached by then.",
        "17-4211",
        format="position",
    ),
    "Prefer": _header(
        "Prefer",
        f"`wait=N`: how many seconds the answer may wait for the Min-Position, up to {conditions.LONGEST_WAIT}. "
        "Other preferences are passed over.",
        "wait=5",
    ),
    "RequestId": _header(
        "X-Request-ID",
        "Names the request in our logs and in the events that it leads to. One that does not fit the pattern is "
        "replaced by a new one.",
        "checkout-4711",
        # Nothing else is refused, so the form stands here as advice and not as a rule.
        **{"x-pattern": f"^{context.REQUEST_ID_PATTERN}$"},
    ),
    "Traceparent": _header(
        "traceparent",
        "The W3C trace context that the request belongs to; kept with the events that it leads to.",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ),
}


def _returned(description: str, example: object, **schema: Any) -> Described:
    return {"description": description, "schema": {"type": "string"} | schema, "example": example}


RETURNED: dict[str, Described] = {
    "RequestId": _returned("The id of the request: the client's own, or a new one.", "checkout-4711"),
    "Traceparent": _returned(
        "The trace context of the request, where it had one.", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    ),
    "EventPosition": _returned(
        "The place in the log of events that the answer reflects. As Min-Position of a query it makes sure that the "
        "query shows at least that.",
        "17-4211",
        pattern="^[0-9]{1,3}-[0-9]+$",
    ),
    "Version": _returned("The version of the thing that the command was about.", '"3"', pattern='^"[0-9]+"$'),
    "ETag": _returned("What names this answer in If-None-Match.", '"4f0e9d1c0a8f5f6d"', pattern='^(W/)?"[!#-~]*"$'),
    "CacheControl": _returned("What a cache may do with the answer.", "private, no-cache"),
    "PreferenceApplied": _returned("The preference that was heeded.", "wait=5"),
    "Link": _returned(
        "The next page of a list, where there is one.", '</api/v1/users/tenant/…?cursor=eyJw>; rel="next"'
    ),
    "Location": _returned(
        "Where what was created is to be seen.", "/api/v1/users/7d7b1a52-3b43-4c5b-8a5e-3a4f6e1d2c3b"
    ),
    "IdempotencyReplayed": _returned(
        "There when an earlier request with this Idempotency-Key did the work.", "true", enum=["true"]
    ),
    "CacheStatus": _returned("Which level of the cache gave the answer, as in RFC 9211.", "L1; hit; ttl=840"),
    "ServerTiming": _returned("Where the time went, in milliseconds.", "db;dur=1.2"),
    "RetryAfter": _returned("Seconds after which to try again.", 1, type="integer", minimum=0),
    "Allow": _returned("The methods that the path has.", "GET, HEAD, OPTIONS, PATCH"),
    "WWWAuthenticate": _returned("What kind of token is needed.", 'Bearer realm="pyairtable"'),
    "RateLimit": _returned(
        "How many requests of the window are left (r) and in how many seconds a new one begins (t).",
        '"principal";r=0;t=42',
    ),
    "RateLimitPolicy": _returned(
        "How many requests (q) a window of so many seconds (w) has.", '"principal";q=600;w=60'
    ),
}

#: The name on the wire of each of RETURNED.
WIRE_NAMES: dict[str, str] = {
    "RequestId": "X-Request-ID",
    "Traceparent": "traceparent",
    "EventPosition": "Event-Position",
    "Version": "ETag",
    "ETag": "ETag",
    "CacheControl": "Cache-Control",
    "PreferenceApplied": "Preference-Applied",
    "Link": "Link",
    "Location": "Location",
    "CacheStatus": "Cache-Status",
    "ServerTiming": "Server-Timing",
    "IdempotencyReplayed": "Idempotency-Replayed",
    "RetryAfter": "Retry-After",
    "Allow": "Allow",
    "WWWAuthenticate": "WWW-Authenticate",
    "RateLimit": "RateLimit",
    "RateLimitPolicy": "RateLimit-Policy",
}

#: What each answer has, whatever it is.
ALWAYS = ("RequestId", "Traceparent")


def references(*names: str) -> dict[str, Described]:
    """Return the headers *names* of an answer, as references to RETURNED."""
    return {WIRE_NAMES[name]: {"$ref": f"#/components/headers/{name}"} for name in names}
