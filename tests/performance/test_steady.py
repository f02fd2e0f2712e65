"""Latencies at a fixed rate count from when a request was due, so that who has to wait for others is seen."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.performance.sent import Sent
from tests.performance.steady import THREADS, as_fast_as_it_goes, steady

#: How long all requests have to wait once, in seconds.
STALL = 0.5


class Server(ThreadingHTTPServer):
    """Answers at once, but for one time when it stands still; keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bodies: list[bytes] = []
        self.stalls_at: float | None = None
        self.still = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(404 if self.path == "/missing" else 200)

    def do_GET(self) -> None:
        with self.server.still:
            if self.server.stalls_at is not None and time.monotonic() > self.server.stalls_at:
                self.server.stalls_at = None
                time.sleep(STALL)
        self._answer(200)

    def _answer(self, status: int) -> None:
        self.wfile.write(f"HTTP/1.1 {status} OK\r\nContent-Length: 2\r\n\r\n{{}}".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def url(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def test_those_that_were_due_while_the_server_stood_still_have_waited(server: Server, tmp_path: Path):
    server.stalls_at = time.monotonic() + 0.6

    latencies = steady(url(server), [Sent("GET", "/", "token")], 200, 2, tmp_path)

    # It is about as many as a fixed rate means, although the server stood still
    assert 250 < len(latencies) < 550
    # Many more have waited than there are connections: those behind them, too
    waited = sum(each > 50 for each in latencies)
    assert waited > THREADS + 20


def test_each_request_has_a_number_of_its_own_where_it_asks_for_one(server: Server, tmp_path: Path):
    asked = [Sent("POST", "/", "token", '{"email": "{n}@example.com"}')]

    sent = len(as_fast_as_it_goes(url(server), asked, 2, 0.3, tmp_path))

    assert len(set(server.bodies)) == len(server.bodies) == sent > 5


def test_a_refused_request_is_no_measurement(server: Server, tmp_path: Path):
    with pytest.raises(RuntimeError, match="refused"):
        as_fast_as_it_goes(url(server), [Sent("POST", "/missing", "token", "{}")], 1, 0.1, tmp_path)
