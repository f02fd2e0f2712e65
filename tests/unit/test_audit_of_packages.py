"""The look at known vulnerabilities of packages, as part of make check."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "audit.py"


class _Advisories(BaseHTTPRequestHandler):
    """Knows of one vulnerability, of Flask."""

    def do_POST(self) -> None:
        queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        results = [{"vulns": [{"id": "GHSA-1"}]} if q["package"]["name"] == "Flask" else {} for q in queries]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"results": results}).encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def advisories() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Advisories) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def audit(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT], env={"ADVISORIES_URL": url}, capture_output=True, text=True)


def test_a_known_vulnerability_fails_and_is_named(advisories: str) -> None:
    done = audit(advisories)

    assert done.returncode == 1
    assert "Flask 3" in done.stdout
    assert "GHSA-1" in done.stdout
    assert "packages: 1 known vulnerability." in done.stdout


def test_without_a_network_it_says_so_and_fails_nothing() -> None:
    done = audit("http://127.0.0.1:1/")

    assert done.returncode == 0
    assert "Not audited" in done.stdout
