"""POST /api/v1/users/import: one user a line in, one result a line out, both as they come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

from flask import Response, request, stream_with_context
from werkzeug.exceptions import RequestEntityTooLarge

from web import conditions
from web.arguments import refuse_query_string
from web.errors import Malformed, UnsupportedMediaType
from web.ndjson import LINE_BYTES, read_lines
from web.users.blueprint import blueprint
from web.users.import_chunk import Chunk

#: Users in one import. Every line past them is refused on its own, with status 413.
LINES = 10_000

#: Users in one append.
CHUNK = 500

MEDIA_TYPES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})


@blueprint.route("/import", methods=["POST"])
@blueprint.doc(
    requestBody={
        "required": True,
        "content": {
            "application/x-ndjson": {
                "schema": {"description": "Lines of JSON, each of them a RegisterUserBody."},
                "example": '{"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace"}\n'
                '{"email": "grace@example.com", "first_name": "Grace", "last_name": "Hopper"}\n',
            }
        },
    },
    responses={
        200: {
            "content": {
                "application/x-ndjson": {
                    "schema": {"type": "string"},
                    "example": '{"line": 1, "status": 201, "id": "7d7b1a52-3b43-4c5b-8a5e-3a4f6e1d2c3b"}\n'
                    '{"line": 2, "status": 409, "code": "email_taken", "detail": "…"}\n',
                }
            }
        }
    },
)
@blueprint.response(200)
def import_users() -> Response:
    """Register up to 10,000 users

    Each line is the body of a registration. Each line of the answer is the result of one: blank lines have none, and
    lines are numbered as they stand in the body, blank ones included.
    """
    refuse_query_string()
    if request.mimetype not in MEDIA_TYPES or request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMediaType(expected="application/x-ndjson, not compressed")
    request.max_content_length = LINES * (LINE_BYTES + 2)
    # Looked at here, because what is wrong with the headers can't be said once the answer has begun.
    chunk, body = Chunk.from_request(), request.stream
    conditions.refuse_version()
    return Response(stream_with_context(_results(chunk, body)), content_type="application/x-ndjson")


def _results(chunk: Chunk, body: IO[bytes]) -> Iterator[bytes]:
    """Yield one line of JSON for each line of *body*, a chunk at a time."""
    number = 0
    try:
        for taken, (number, line) in enumerate(read_lines(body), start=1):
            if taken <= LINES:
                chunk.add(number, line)
            else:
                chunk.refuse_surplus(number, LINES)
            if len(chunk) >= CHUNK:
                yield _written(chunk.carry_out())
    except RequestEntityTooLarge:
        # A body that didn't say how long it is turned out to be longer than any import; no more of it is read.
        chunk.refuse_surplus(number + 1, LINES)
    except Malformed as error:
        # The body broke off. What had come of the line it was at may look whole, and is not.
        chunk.refuse(number + 1, error)
    yield _written(chunk.carry_out())


def _written(results: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(result).encode() + b"\n" for result in results)
