"""What only a real server shows: bodies that stream, are too long, or break off."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from typing import NamedTuple
from uuid import uuid4

import pytest
import requests

from tests import servers
from tests.e2e.fleet import Fleet, bearer, wait_for
from web.users.importing import CHUNK


class Server(NamedTuple):
    url: str
    tenant_id: str
    headers: dict[str, str]
    #: The number of events in all logs, looked up in the database.
    head: Callable[[], int]


@pytest.fixture(scope="module")
def fleet(databases: servers.Databases, _redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A web process: starting one takes longer than all that is tried with it."""
    redis_url, folder = servers.emptied(_redis_url), tmp_path_factory.mktemp("fleet")
    with (
        databases.migrated() as database_url,
        Fleet(database_url, redis_url, folder).start_all(web=1, worker=0, clock=0) as fleet,
    ):
        yield fleet


@pytest.fixture
def server(fleet: Fleet) -> Server:
    """The web process, with a tenant of the test's own."""
    root, url, slug = bearer(fleet.token("super_admin")), fleet.urls[0], f"acme-{uuid4()}"
    body = {"name": "Acme", "slug": slug, "plan": "enterprise"}
    created = requests.post(f"{url}/api/v1/tenants", json=body, headers=root, timeout=10).json()

    def head() -> int:
        states = requests.get(f"{url}/api/v1/admin/cqrs/projections/status", headers=root, timeout=10).json()
        return int(states["projections"][0]["lag"])

    return Server(url, created["id"], bearer(fleet.token("admin", created["id"])), head)


def line(number: int) -> bytes:
    user = {"email": f"user{number}@example.com", "first_name": "Ada", "last_name": "Lovelace"}
    return json.dumps(user).encode() + b"\n"


def begin(server: Server, path: str, media_type: str, **headers: str) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=10)
    connection.putrequest("POST", f"/api/v1/{path}")
    for name, value in {"Content-Type": media_type, **server.headers, **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection


def begin_import(server: Server, **headers: str) -> http.client.HTTPConnection:
    return begin(server, "users/import", "application/x-ndjson", **headers)


def broken_off(connection: http.client.HTTPConnection, sent: bytes) -> tuple[int, bytes]:
    """Send no more of the body than that, and return the status and body of the answer."""
    if sent:
        connection.send(sent)
    connection.sock.shutdown(socket.SHUT_WR)
    response = http.client.HTTPResponse(connection.sock, method="POST")
    response.begin()
    answer = response.status, response.read()
    response.close()
    connection.close()
    return answer


def test_an_import_streams_in_and_out(server: Server) -> None:
    connection = begin_import(server, **{"Transfer-Encoding": "chunked"})

    def send(data: bytes) -> None:
        connection.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    # When a chunk's worth of lines has gone in and a little more, and the body goes on
    count = CHUNK + 200
    send(b"".join(map(line, range(count))))

    # Then their results are there
    response = http.client.HTTPResponse(connection.sock, method="POST")
    response.begin()
    results = [json.loads(response.readline()) for _ in range(CHUNK)]
    assert [each["line"] for each in results] == list(range(1, CHUNK + 1))
    assert {each["status"] for each in results} == {201}

    # And the rest comes when the body ends
    connection.send(b"0\r\n\r\n")
    assert json.loads(response.read().splitlines()[-1])["line"] == count
    response.close()
    connection.close()


def test_an_import_that_breaks_off_has_registered_whole_lines_only(server: Server) -> None:
    before = server.head()
    connection = begin_import(server, **{"Content-Length": "100000"})

    connection.send(line(1) + b'{"email": "user2@exam')
    connection.close()

    wait_for(lambda: server.head() == before + 1, 10, "the line that was whole")


def test_an_import_whose_last_line_is_cut_refuses_that_line(server: Server) -> None:
    cut = b'{"email": "user2@example.com", "first_name": "Ada", "last_name": "L"}'

    # When the body ends within a line, even where what came of it could be taken for a user
    status, body = broken_off(begin_import(server, **{"Content-Length": "100000"}), line(1) + cut)

    # Then the line before it is carried out, and the line that was cut is refused
    assert status == 200
    results = [json.loads(result) for result in body.splitlines()]
    assert [(each["line"], each["status"], each.get("code")) for each in results] == [
        (1, 201, None),
        (2, 400, "malformed"),
    ]


@pytest.mark.parametrize(
    ("headers", "all_that_came"),
    [
        ({"Content-Length": "30"}, [b"", b'{"reason": "', b'{"reason": "left"}']),
        ({"Transfer-Encoding": "chunked"}, [b"", b"zz\r\n", b'c\r\n{"reason": "\r\n']),
    ],
)
def test_a_command_whose_body_breaks_off_is_not_carried_out(
    server: Server, headers: dict[str, str], all_that_came: list[bytes]
) -> None:
    url, json_headers = f"{server.url}/api/v1/users", {**server.headers, "Content-Type": "application/json"}
    user = requests.post(url, data=line(1), headers=json_headers, timeout=10).json()
    before = server.head()

    for came in all_that_came:
        # When a deactivation arrives without all of the body that it announced
        connection = begin(server, f"users/{user['id']}/deactivate", "application/json", **headers)
        status, body = broken_off(connection, came)

        # Then it is refused, and nothing has happened to the user
        assert (status, json.loads(body)["code"]) == (400, "malformed"), came
        assert server.head() == before


def in_pieces(size: int) -> Iterator[bytes]:
    for _ in range(size // 2**16 + 1):
        yield b" " * 2**16


def test_a_body_over_1_mib_is_answered(server: Server) -> None:
    headers = {**server.headers, "Content-Type": "application/json"}

    for size in (2**20 + 1, 2**25):
        for body in (b" " * size, in_pieces(size)):
            response = requests.post(f"{server.url}/api/v1/users", data=body, headers=headers, timeout=10)

            assert (response.status_code, response.json()["code"]) == (413, "request_entity_too_large")
    assert requests.get(f"{server.url}/health/live", timeout=10).status_code == 200
