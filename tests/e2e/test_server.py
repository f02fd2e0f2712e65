"""What the server in front of the application does by itself with requests that are none."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.fleet import Fleet


@pytest.fixture
def fleet(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Fleet]:
    with Fleet(database_url, redis_url, tmp_path) as fleet:
        yield fleet.start_all(worker=0, clock=0)


def exchange(fleet: Fleet, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", int(fleet.urls[0].rsplit(":", 1)[1])), timeout=5) as connection:
        connection.sendall(sent)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


def request(line: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([line, b"Host: localhost", b"Connection: close", *headers, b"", b""])


@pytest.mark.e2e
def test_what_reaches_us_is_answered_by_us_and_what_does_not_by_an_empty_refusal(fleet: Fleet) -> None:
    for sent, status, code in (
        (request(b"GET /nowhere HTTP/1.1"), 404, "not_found"),
        (request(b"BREW /health/live HTTP/1.1"), 405, "method_not_allowed"),
        (request(b"GET /api/v1/users/profile HTTP/1.1", b"Authorization: Bearer " + b"x" * 10_000), 401, None),
        (request(b"GET /api/v1/users/profile HTTP/1.1", b"Authorization: Bearer \xff\xfe"), 401, None),
        (request(b"GET /%00%ff HTTP/1.1"), 404, None),
        (request(b"POST /api/v1/users HTTP/1.1", b"Content-Length: 999999999"), 401, None),
    ):
        head, _, body = exchange(fleet, sent).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status), sent[:60]
        assert b"application/problem+json" in head.lower()
        document = json.loads(body)
        assert document["status"] == status
        assert code in (None, document["code"])

    # What is no HTTP never reaches the application. It gets a status at most, and nothing about us.
    for sent in (
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        request(b"GET /x HTTP/9.9"),
        request(b"GET /x HTTP/1.1", b"X: " + b"x" * 2**20),
    ):
        try:
            head, _, body = exchange(fleet, sent).partition(b"\r\n\r\n")
        except ConnectionError:
            continue
        assert head[:10] in (b"", b"HTTP/1.1 4", b"HTTP/1.0 4"), head[:80]
        assert body == b""

    assert b"HTTP/1.1 200" in exchange(fleet, request(b"GET /health/live HTTP/1.1"))
