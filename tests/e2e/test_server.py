"""The server in front of the application: requests that are none, and bodies that come in pieces."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from tests.e2e.fleet import Fleet, bearer
from tests.faults.scale import scaled
from tests.servers import Databases

#: Users of the import.
LINES = scaled(2500, 10_000)


@pytest.fixture(scope="module")
def fleet(databases: Databases, _redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with (
        databases.migrated() as database_url,
        Fleet(database_url, _redis_url, tmp_path_factory.mktemp("fleet")) as fleet,
    ):
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


def test_an_import_that_comes_slowly_and_in_odd_pieces_loses_no_line(fleet: Fleet) -> None:
    root = bearer(fleet.token("super_admin"))
    connection = HTTPConnection(fleet.urls[0].removeprefix("http://"), timeout=60)
    tenant = {"name": "Acme", "slug": "acme", "plan": "custom", "quotas": {"users": LINES, "workspaces": 1}}
    connection.request("POST", "/api/v1/tenants", json.dumps(tenant), root | {"Content-Type": "application/json"})
    tenant_id = json.loads(connection.getresponse().read())["id"]
    lines, expected = users(tenant_id)

    connection.putrequest("POST", "/api/v1/users/import")
    for name, value in (root | {"Content-Type": "application/x-ndjson", "Transfer-Encoding": "chunked"}).items():
        connection.putheader(name, value)
    connection.endheaders()
    # The answer begins before the request has ended, so they go side by side as in any client.
    sending = threading.Thread(target=send_in_pieces, args=(connection, b"\n".join(lines)))
    sending.start()
    response = connection.getresponse()
    answers = [json.loads(line) for line in response.read().splitlines()]
    sending.join()
    connection.close()

    assert response.status == 200
    assert {answer["line"]: answer["status"] for answer in answers} == expected
    assert [answer["line"] for answer in answers] == sorted(expected)


def users(tenant_id: str) -> tuple[list[bytes], dict[int, int]]:
    """Return the lines of an import, and the status that each of them is to have by its number."""
    lines: list[bytes] = []
    expected: dict[int, int] = {}
    for number in range(1, LINES + 1):
        body = {"email": f"u{number}@acme.example", "first_name": "Ada", "last_name": "L", "tenant_id": tenant_id}
        line, status = json.dumps(body).encode(), 201
        if number % 100 == 7:
            line, status = b"{" + b"x" * 20_000, 413
        elif number % 100 == 13:
            line, status = b"", 0
        elif number % 100 == 21:
            line, status = line[:-1], 400
        lines.append(line)
        if status:
            expected[number] = status
    return lines, expected


def send_in_pieces(connection: HTTPConnection, body: bytes) -> None:
    """Send *body* in chunks of any size, some of them late."""
    chance, rest = random.Random(5), memoryview(body)
    while rest:
        size = chance.choice([1, 2, 17, 300, 8191, 8192, 8193, 40_000])
        piece, rest = rest[:size], rest[size:]
        connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        if chance.random() < 0.05:
            time.sleep(0.05)
    connection.send(b"0\r\n\r\n")
